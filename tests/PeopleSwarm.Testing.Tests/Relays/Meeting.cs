using System.Buffers;
using System.IO.Pipelines;
using System.Security.Cryptography;

namespace PeopleSwarm.Testing.Relays;

/// <summary>A connection seen from both ends.</summary>
internal sealed class Meeting : IAsyncDisposable
{
    /// <summary>Bytes of an exchange, each way.</summary>
    public const int Length = 300_000;

    private readonly IPeerListener _listener;
    private int _round;

    public Meeting(IPeerListener listener, IPeerConnection client, IPeerConnection server)
    {
        (_listener, Client, Server) = (listener, client, server);
        client.PathChanged += (_, path) => ClientChanges.Add(path);
        WasRelayed = client.Path == PeerPath.Relayed;
    }

    public IPeerConnection Client { get; }

    public IPeerConnection Server { get; }

    public (PeerPath Client, PeerPath Server) Paths => (Client.Path, Server.Path);

    public List<PeerPath> ClientChanges { get; } = [];

    public bool WasRelayed { get; }

    /// <summary>Sends as much both ways at once and compares.</summary>
    public async Task ExchangeAsync()
    {
        int round = _round++;
        await Task.WhenAll(SendAsync(Client.Output, 2 * round), SendAsync(Server.Output, 2 * round + 1),
            ExpectAsync(Server.Input, 2 * round), ExpectAsync(Client.Input, 2 * round + 1));
    }

    public async ValueTask DisposeAsync()
    {
        await Client.DisposeAsync();
        await Server.DisposeAsync();
        await _listener.DisposeAsync();
    }

    private static byte[] Bytes(int seed)
    {
        var bytes = new byte[Length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    private static async Task SendAsync(PipeWriter output, int seed) => await output.WriteAsync(Bytes(seed));

    private static async Task ExpectAsync(PipeReader input, int seed)
    {
        var read = await input.ReadAtLeastAsync(Length);
        Assert.Equal(Convert.ToHexString(SHA256.HashData(Bytes(seed))), Convert.ToHexString(SHA256.HashData(read.Buffer.Slice(0, Length).ToArray())));
        input.AdvanceTo(read.Buffer.GetPosition(Length));
    }
}
