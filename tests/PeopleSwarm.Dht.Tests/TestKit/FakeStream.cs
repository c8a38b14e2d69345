using System.IO.Pipelines;

namespace PeopleSwarm.Dht.TestKit;

/// <summary>A stream that records how it is connected; the test lets packets arrive.</summary>
internal class FakeStream(uint id, ReliableStreamOptions options) : IReliableStream
{
    private readonly TaskCompletionSource<StreamClose> _closed = new();
    private readonly Pipe _pipe = new();

    public uint LocalId => id;
    public uint RemoteId { get; private set; }
    public DatagramSource Remote { get; private set; }
    public bool IsConnected { get; private set; }
    public bool IsAborted { get; private set; }
    public long BytesReceived => 0;
    public long BytesAcknowledged => 0;
    public TimeSpan RoundTripTime => TimeSpan.Zero;
    public Task<StreamClose> Closed => _closed.Task;
    public PipeReader Input => _pipe.Reader;
    public PipeWriter Output => _pipe.Writer;

    /// <summary>A packet for this stream arrives on a path that is not its own yet.</summary>
    public bool Hear(UdpEndPoint from, SocketId socket) => options.AcceptPath!(this, new DatagramSource(from, socket));

    /// <summary>Data or a message comes by another way than the path before.</summary>
    public void Prove(UdpEndPoint from, SocketId socket) => options.OnPathProved!(this, new DatagramSource(from, socket));

    public virtual void Connect(SocketId socket, uint remoteId, UdpEndPoint remote)
    {
        if (IsConnected || IsAborted) throw new InvalidOperationException("The stream is connected or closed.");
        (IsConnected, RemoteId, Remote) = (true, remoteId, new(remote, socket));
    }

    public void ChangeRemote(SocketId socket, uint remoteId, UdpEndPoint remote) => (RemoteId, Remote) = (remoteId, new(remote, socket));

    public IReliableStream? RelaysTo { get; private set; }

    public RelayFilter? RelayFilter { get; private set; }

    public void RelayTo(IReliableStream destination, RelayFilter? filter = null) => (RelaysTo, RelayFilter) = (destination, filter);

    public bool TryProbe(SocketId socket, UdpEndPoint remote) => false;

    public bool TrySendMessage(ReadOnlySpan<byte> message) => false;

    public ValueTask FlushAcknowledgedAsync(CancellationToken cancellationToken = default) => default;

    /// <summary>The stream ends without a wish of ours.</summary>
    public void CloseFromBelow(StreamCloseReason reason) => _closed.TrySetResult(new(reason));

    public void Abort(Exception? error = null)
    {
        IsAborted = true;
        _closed.TrySetResult(new(StreamCloseReason.LocalAbort, error));
    }

    public ValueTask DisposeAsync()
    {
        Abort();
        return default;
    }
}
