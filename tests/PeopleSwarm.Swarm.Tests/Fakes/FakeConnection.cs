using System.IO.Pipelines;

namespace PeopleSwarm.Swarm.Fakes;

/// <summary>One end of a connection in memory.</summary>
internal sealed class FakeConnection : IPeerConnection, ISecretChannel
{
    private readonly Pipe _incoming = new();
    private readonly TaskCompletionSource<StreamClose> _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private FakeConnection _other = null!;
    private long _read, _written;

    private FakeConnection(PublicKey local, PublicKey remote, bool isInitiator, byte[] hash) =>
        (LocalPublicKey, RemotePublicKey, IsInitiator, HandshakeHash) = (local, remote, isInitiator, hash);

    public PublicKey LocalPublicKey { get; }

    public PublicKey RemotePublicKey { get; }

    PublicKey? ISecretChannel.RemotePublicKey => RemotePublicKey;

    public ReadOnlyMemory<byte> HandshakeHash { get; }

    public bool IsInitiator { get; }

    public UdpEndPoint RemoteEndPoint => UdpEndPoint.Loopback(1);

    public PeerPath Path => PeerPath.Direct;

    public event EventHandler<PeerPath>? PathChanged
    {
        add { }
        remove { }
    }

    public ISecretChannel Channel => this;

    public TimeSpan RoundTripTime => TimeSpan.Zero;

    public Task<StreamClose> Closed => _closed.Task;

    public PipeReader Input => _incoming.Reader;

    public PipeWriter Output => _other._incoming.Writer;

    public long RawBytesWritten => Volatile.Read(ref _written);

    public long RawBytesRead => Volatile.Read(ref _read);

    public int KeepAlives { get; private set; }

    public bool WasAborted { get; private set; }

    /// <summary>The peer acknowledges nothing.</summary>
    public bool IsUnacknowledged { get; set; }

    public static (FakeConnection Client, FakeConnection Server) Pair(PublicKey client, PublicKey server)
    {
        byte[] hash = Guid.NewGuid().ToByteArray();
        var ends = (Client: new FakeConnection(client, server, true, hash), Server: new FakeConnection(server, client, false, hash));
        (ends.Client._other, ends.Server._other) = (ends.Server, ends.Client);
        return ends;
    }

    public void SendKeepAlive()
    {
        KeepAlives++;
        Interlocked.Add(ref _written, 20);
        Interlocked.Add(ref _other._read, 17);
    }

    /// <summary>A frame goes each way.</summary>
    public void Establish()
    {
        SendKeepAlive();
        _other.SendKeepAlive();
    }

    public Stream AsStream() => throw new NotSupportedException();

    public ValueTask FlushAcknowledgedAsync(CancellationToken cancellationToken = default) => IsUnacknowledged ? new(Closed) : default;

    public ValueTask WriteMessageAsync(ReadOnlyMemory<byte> message, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public ValueTask<ReadOnlyMemory<byte>?> ReadMessageAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public bool TrySendUnordered(ReadOnlySpan<byte> message) => false;

    public void ReceiveUnordered(ReadOnlySpan<byte> message) { }

    public void ConnectRawStream(IReliableStream stream, uint remoteId) => throw new NotSupportedException();

    public void Abort(Exception? error = null)
    {
        if (!_closed.TrySetResult(new(StreamCloseReason.LocalAbort, error))) return;
        WasAborted = true;
        _other._closed.TrySetResult(new(StreamCloseReason.RemoteAbort));
    }

    public ValueTask DisposeAsync()
    {
        _other._incoming.Writer.Complete();
        _closed.TrySetResult(new(StreamCloseReason.Completed));
        _other._closed.TrySetResult(new(StreamCloseReason.Completed));
        return default;
    }
}
