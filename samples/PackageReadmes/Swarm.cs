using PeopleSwarm;

namespace PackageReadmes;

internal static class Swarm
{
    public static async Task JoinAsync()
    {
        await using var swarm = PeerSwarm.Create();
        swarm.Join(Topic.FromText("my topic"));
        await foreach (var connection in swarm.AcceptAllAsync())
        {
            Console.WriteLine($"{connection.RemotePublicKey} over {connection.Path}");
            await connection.AsStream().WriteAsync("hello"u8.ToArray());
        }
    }
}
