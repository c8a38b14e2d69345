using System.Diagnostics;
using System.Text;
using Microsoft.Extensions.DependencyInjection;

namespace PeopleSwarm.Interop.Swarm;

/// <summary>Swarms of ours on loopback.</summary>
internal static class OurSwarm
{
    public static PeerSwarm Create(IEnumerable<UdpEndPoint> bootstrap, Action<SwarmOptions>? configure = null) => PeerSwarm.Create(
        o =>
        {
            (o.ShortBackoff, o.MediumBackoff, o.LongBackoff, o.Jitter) = (Milliseconds(300), Milliseconds(600), Milliseconds(900), Milliseconds(100));
            configure?.Invoke(o);
        },
        services => services.Configure<DhtOptions>(o => (o.Bootstrap, o.Host, o.Port) = ([.. bootstrap.Select(node => node.ToString())], "127.0.0.1", 0)));

    /// <summary>The open connection with a peer, once there is one.</summary>
    public static async Task<ISwarmConnection> WithAsync(this IPeerSwarm swarm, PublicKey peer)
    {
        ISwarmConnection? found = null;
        await UntilAsync(() => (found = swarm.Connections.FirstOrDefault(connection => connection.RemotePublicKey == peer)) is not null,
            TimeSpan.FromMinutes(1), $"a connection with {peer}");
        return found!;
    }

    public static async Task UntilAsync(Func<bool> condition, TimeSpan limit, string what)
    {
        var clock = Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(clock.Elapsed < limit, $"Not within {limit.TotalSeconds} s: {what}");
            await Task.Delay(10);
        }
    }

    public static string Hash(this IPeerConnection connection) => Convert.ToHexStringLower(connection.HandshakeHash.Span);

    /// <summary>Reads what arrived, at least one byte, as text.</summary>
    public static async Task<string> ReadTextAsync(this IPeerConnection connection)
    {
        var read = await connection.Input.ReadAsync().AsTask().WaitAsync(TimeSpan.FromMinutes(1));
        string text = Encoding.UTF8.GetString(read.Buffer);
        connection.Input.AdvanceTo(read.Buffer.End);
        return text;
    }

    private static TimeSpan Milliseconds(int value) => TimeSpan.FromMilliseconds(value);
}
