using System.IO.Pipelines;

namespace PeopleSwarm.Swarm;

/// <summary>A peer's connection with what the swarm knows of the peer.</summary>
internal sealed class SwarmConnection(IPeerConnection connection, IPeerInfo peer) : ISwarmConnection
{
    public IPeerInfo Peer { get; } = peer;

    public PublicKey LocalPublicKey => connection.LocalPublicKey;

    public PublicKey RemotePublicKey => connection.RemotePublicKey;

    public ReadOnlyMemory<byte> HandshakeHash => connection.HandshakeHash;

    public bool IsInitiator => connection.IsInitiator;

    public UdpEndPoint RemoteEndPoint => connection.RemoteEndPoint;

    public PeerPath Path => connection.Path;

    public event EventHandler<PeerPath>? PathChanged
    {
        add => connection.PathChanged += value;
        remove => connection.PathChanged -= value;
    }

    public ISecretChannel Channel => connection.Channel;

    public TimeSpan RoundTripTime => connection.RoundTripTime;

    public Task<StreamClose> Closed => connection.Closed;

    public PipeReader Input => connection.Input;

    public PipeWriter Output => connection.Output;

    public Stream AsStream() => connection.AsStream();

    public ValueTask FlushAcknowledgedAsync(CancellationToken cancellationToken = default) =>
        connection.FlushAcknowledgedAsync(cancellationToken);

    public void ConnectRawStream(IReliableStream stream, uint remoteId) => connection.ConnectRawStream(stream, remoteId);

    public void Abort(Exception? error = null) => connection.Abort(error);

    public ValueTask DisposeAsync() => connection.DisposeAsync();

    public override string ToString() => $"{RemotePublicKey} over {Path}";
}
