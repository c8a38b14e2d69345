using PeopleSwarm.Protomux.Protocol;

namespace PeopleSwarm.Protomux;

/// <summary>A channel as the application sees it; the multiplexer's lock guards it.</summary>
internal sealed class MuxChannel(Mux mux, string protocol, byte[] id) : IProtomuxChannel
{
    private readonly TaskCompletionSource<ReadOnlyMemory<byte>?> _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource? _signal;
    private byte[]? _handshake;

    public string Protocol { get; } = protocol;

    public ReadOnlyMemory<byte> Id { get; } = id;

    public Task<ReadOnlyMemory<byte>?> Opened => _opened.Task;

    public Task Closed => _closed.Task;

    /// <summary>What the machine knows of it; set before anybody else sees the channel.</summary>
    public LocalChannel? State { get; set; }

    public ValueTask SendAsync(int type, ReadOnlyMemory<byte> body, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(type);
        return mux.SendAsync(this, type, body, cancellationToken);
    }

    public ValueTask<ProtomuxMessage?> ReceiveAsync(CancellationToken cancellationToken = default) => mux.ReceiveAsync(this, cancellationToken);

    public void Close() => mux.Close(this);

    public ValueTask DisposeAsync()
    {
        Close();
        return ValueTask.CompletedTask;
    }

    public void OnOpened(byte[] handshake)
    {
        _handshake = handshake;
        TakeOpening();
    }

    /// <summary>Tells of an opening that was matched while <see cref="State"/> was being made, or later.</summary>
    public void TakeOpening()
    {
        if (_handshake is { } handshake && State is not null) _opened.TrySetResult(handshake);
    }

    public void OnClosed()
    {
        _opened.TrySetResult(null);
        _closed.TrySetResult();
        Signal();
    }

    public Task NextSignal() => (_signal ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

    public void Signal()
    {
        _signal?.TrySetResult();
        _signal = null;
    }
}
