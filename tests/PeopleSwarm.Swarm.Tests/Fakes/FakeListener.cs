using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace PeopleSwarm.Swarm.Fakes;

internal sealed class FakeListener(FakeNetwork network, PublicKey publicKey, PeerListenOptions options) : IPeerListener
{
    private readonly Channel<IPeerConnection> _incoming = Channel.CreateUnbounded<IPeerConnection>();

    public PublicKey PublicKey { get; } = publicKey;

    public PeerListenOptions Options { get; } = options;

    public IReadOnlyList<UdpEndPoint> RelayAddresses { get; } = [UdpEndPoint.Loopback(7)];

    public async Task<bool> RefusesAsync(PublicKey remote) =>
        Options.Firewall is { } firewall && await firewall(remote, new(UdpEndPoint.Loopback(9), [], true));

    public void Deliver(FakeConnection connection)
    {
        if (!_incoming.Writer.TryWrite(connection)) connection.Abort();
    }

    /// <summary>Ends the listener as a node that went away would.</summary>
    public void Break()
    {
        network.Listeners.TryRemove(new(PublicKey, this));
        _incoming.Writer.TryComplete();
    }

    public ValueTask<IPeerConnection> AcceptAsync(CancellationToken cancellationToken = default) => _incoming.Reader.ReadAsync(cancellationToken);

    public async IAsyncEnumerable<IPeerConnection> AcceptAllAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await foreach (var connection in _incoming.Reader.ReadAllAsync(cancellationToken)) yield return connection;
    }

    public Task RefreshAsync(CancellationToken cancellationToken = default) => Task.CompletedTask;

    public ValueTask DisposeAsync()
    {
        Break();
        while (_incoming.Reader.TryRead(out var waiting)) waiting.Abort();
        return default;
    }
}
