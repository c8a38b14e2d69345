using System.Text;
using PeopleSwarm;

namespace SimulatedInternet;

/// <summary>An app as it would be on the real network: one side answers what the other asks.</summary>
internal static class Echo
{
    public static async Task ServeAsync(IPeerSwarm swarm, Topic topic)
    {
        swarm.Join(topic, new JoinOptions { Client = false });
        List<Task> talks = [];
        await foreach (var connection in swarm.AcceptAllAsync()) talks.Add(AnswerAsync(connection));
        await Task.WhenAll(talks);
    }

    public static async Task<ISwarmConnection> NextAsync(IPeerSwarm swarm)
    {
        await foreach (var connection in swarm.AcceptAllAsync()) return connection;
        throw new InvalidOperationException("The swarm ended.");
    }

    public static async Task<string> AskAsync(ISwarmConnection connection, string question)
    {
        await connection.Channel.WriteMessageAsync(Encoding.UTF8.GetBytes(question));
        var answer = await connection.Channel.ReadMessageAsync();
        return answer is { } text ? Encoding.UTF8.GetString(text.Span) : "nothing";
    }

    private static async Task AnswerAsync(ISwarmConnection connection)
    {
        await using (connection)
        {
            try
            {
                while (await connection.Channel.ReadMessageAsync() is { } question)
                    await connection.Channel.WriteMessageAsync(Encoding.UTF8.GetBytes($"\"{Encoding.UTF8.GetString(question.Span)}\" to you too"));
            }
            catch (IOException)
            {
                return; // the line was cut
            }
        }
    }
}
