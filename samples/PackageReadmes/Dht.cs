using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using PeopleSwarm;

namespace PackageReadmes;

internal static class Dht
{
    public static async Task BeginAsync(IHostApplicationBuilder builder, NodeId target)
    {
        builder.Services.AddDht();                                    // a node that joins the public network with the host

        await using var node = DhtNodeFactory.Create();               // or one without a host
        await using var query = node.Query(new(Command: 77, Target: target));
        await foreach (var reply in query) Console.WriteLine(reply.From);
    }

    public static async Task StoreAsync(IDhtNode node, KeyPair keyPair, byte[] bytes)
    {
        var put = await node.PutImmutableAsync(bytes);                // found by its hash, at most 1,938 bytes
        var value = await node.GetImmutableAsync(put.Target);         // checked against the hash; null if nobody has it

        await node.PutMutableAsync(keyPair, bytes, seq: 2);           // found by its key; a higher number replaces a lower one
        var latest = await node.GetMutableAsync(keyPair.PublicKey);   // signature checked; the highest number of all closest nodes
        await node.PutMutableAsync(latest!);                          // anybody may keep it alive as it was signed

        Console.WriteLine(value);
    }

    public static void BeginANetwork<MyOverlay>(IServiceCollection services) where MyOverlay : class, IDhtCommandHandler
    {
        services.AddDht(o => (o.IsBootstrapper, o.Host, o.Port) = (true, "5.0.0.1", 49737));
        services.AddSingleton<IDhtCommandHandler, MyOverlay>();       // commands from 11 on; all with ServePeers = false
    }

    public static async Task<int> ClaimAsync(IDhtNode node, NodeId target, byte[] record)
    {
        var claim = new DhtRequest(Command: 21, target, record);
        await using var query = node.Query(claim with { Command = 20, Value = null }, new() { Commit = reply => claim with { Token = reply.Token } });
        int stored = (await query.FinishAsync()).Committed;           // throws if everybody refused

        return stored;
    }

    public static async Task RelayAsync(IDhtNode open, IDhtNode node, PublicKey key)
    {
        await using var relay = await open.RelayAsync(options: new() { BytesPerSecond = 8_000_000 });
        await using var connection = await node.ConnectAsync(key, new() { RelayThrough = relay.PublicKey });
        connection.PathChanged += (_, path) => Console.WriteLine(path);   // Relayed at first, then Punched
    }

    public static async Task ShareAsync(IDhtNode node, IPeerConnection connection, uint remoteId, PublicKey key)
    {
        var raw = node.CreateRawStream();                             // tell raw.LocalId to the peer, learn its number, then
        connection.ConnectRawStream(raw, remoteId);                   // along the same path; two raw streams may also relay to each other

        await using var session = new DhtSession(node);               // what is asked, looked up or dialled under it ends with it
        await using var pool = new PeerConnectionPool(node);          // callers share the connection to a peer; pool.Attach(listener) adds incoming ones
        var shared = await pool.ConnectAsync(key);

        Console.WriteLine(shared.Path);
    }
}
