using PeopleSwarm.Swarm.Fakes;
using PeopleSwarm.Swarm.Policy;

namespace PeopleSwarm.Swarm;

public class ConnectionFeedTests
{
    [Fact]
    public async Task Each_connection_goes_to_one_enumeration()
    {
        var feed = new ConnectionFeed(10);
        var readers = Enumerable.Range(0, 4).Select(_ => Task.Run(() => DrainAsync(feed))).ToArray();
        SwarmConnection[] connections = [.. Enumerable.Range(1, 200).Select(Connection)];
        foreach (var connection in connections)
        {
            feed.Add(connection);
            if (connection.RemotePublicKey.ToArray()[0] % 16 == 0) await Task.Yield();
        }
        feed.Complete();
        var read = (await Task.WhenAll(readers)).SelectMany(part => part).ToList();
        Assert.Equal(200, read.Count);
        Assert.Equal(connections.ToHashSet<ISwarmConnection>(), read.ToHashSet());
    }

    [Fact]
    public async Task What_closed_before_anybody_listened_is_dropped()
    {
        var feed = new ConnectionFeed(10);
        var (gone, open) = (Connection(1), Connection(2));
        feed.Add(gone);
        feed.Add(open);
        gone.Abort();
        feed.OnClosed(gone);
        feed.Complete();
        Assert.Equal([open], await DrainAsync(feed));
    }

    [Fact]
    public async Task What_closed_while_the_enumeration_was_busy_is_kept_up_to_the_backlog()
    {
        var feed = new ConnectionFeed(3);
        SwarmConnection[] connections = [.. Enumerable.Range(1, 7).Select(Connection)];
        feed.Add(connections[0]);
        List<ISwarmConnection> read = [];
        await foreach (var connection in feed.ReadAllAsync(CancellationToken.None))
        {
            read.Add(connection);
            if (read.Count > 1) continue;
            foreach (var other in connections[1..])
            {
                feed.Add(other);
                if (other == connections[^1]) continue;
                other.Abort();
                feed.OnClosed(other);
            }
            feed.Complete();
        }
        Assert.Equal([connections[0], .. connections[3..]], read);
    }

    [Fact]
    public async Task An_enumeration_can_be_cancelled_and_another_goes_on()
    {
        var feed = new ConnectionFeed(3);
        using var cancellation = new CancellationTokenSource();
        var cancelled = Task.Run(async () =>
        {
            await foreach (var _ in feed.ReadAllAsync(cancellation.Token)) { }
        });
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
        var connection = Connection(1);
        feed.Add(connection);
        feed.Complete();
        Assert.Equal([connection], await DrainAsync(feed));
    }

    private static async Task<List<ISwarmConnection>> DrainAsync(ConnectionFeed feed)
    {
        List<ISwarmConnection> read = [];
        await foreach (var connection in feed.ReadAllAsync(CancellationToken.None)) read.Add(connection);
        return read;
    }

    private static SwarmConnection Connection(int key) =>
        new(FakeConnection.Pair(Keys.Public(1000), Keys.Public(key)).Client, new PeerInfo(Keys.Public(key)));
}
