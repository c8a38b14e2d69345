// A chat for everybody who knows the topic: dotnet run --project samples/Chat -- "tea time" [bootstrap host:port]
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using PeopleSwarm;

if (args.Length == 0)
{
    Console.Error.WriteLine("usage: Chat TOPIC [HOST:PORT]");
    return 2;
}
await using var swarm = PeerSwarm.Create(services: services => services.Configure<DhtOptions>(dht =>
{
    if (args.Length > 1) dht.Bootstrap = args[1..];
}));
swarm.Connected += (_, e) => _ = ListenToAsync(e.Connection);
await swarm.Join(Topic.FromText(args[0])).FlushedAsync();
Console.WriteLine($"You are {Name(swarm.KeyPair.PublicKey)}. An empty line leaves.");

while (await Console.In.ReadLineAsync() is { Length: > 0 } line)
    foreach (var peer in swarm.Connections)
        await peer.Output.WriteAsync(Encoding.UTF8.GetBytes(line + "\n"));
return 0;

static async Task ListenToAsync(ISwarmConnection peer)
{
    Console.WriteLine($"{Name(peer.RemotePublicKey)} is here.");
    using var reader = new StreamReader(peer.AsStream());
    while (await reader.ReadLineAsync() is { } line) Console.WriteLine($"{Name(peer.RemotePublicKey)}: {line}");
    Console.WriteLine($"{Name(peer.RemotePublicKey)} left.");
}

static string Name(PublicKey key) => key.ToString()[..6];
