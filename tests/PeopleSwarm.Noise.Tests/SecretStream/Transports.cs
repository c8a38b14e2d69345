using System.Buffers;
using System.IO.Pipelines;

namespace PeopleSwarm.Noise;

/// <summary>One end of a byte stream in memory.</summary>
internal sealed class MemoryTransport(PipeReader input, PipeWriter output) : IDuplexPipe
{
    public PipeReader Input { get; } = input;

    public PipeWriter Output { get; } = output;

    /// <summary>Two ends; a writer waits once <paramref name="pause"/> bytes are unread.</summary>
    public static (MemoryTransport A, MemoryTransport B) Pair(long pause = 256 * 1024, PipeScheduler? scheduler = null)
    {
        var options = new PipeOptions(null, scheduler, scheduler, pause, resumeWriterThreshold: pause / 2, useSynchronizationContext: false);
        Pipe forth = new(options), back = new(options);
        return (new(back.Reader, forth.Writer), new(forth.Reader, back.Writer));
    }

    /// <summary>Takes all bytes that were written to the other end and not read yet.</summary>
    public byte[] TakeAll()
    {
        if (!Input.TryRead(out var result)) return [];
        byte[] bytes = result.Buffer.ToArray();
        Input.AdvanceTo(result.Buffer.End);
        return bytes;
    }

    public void Send(ReadOnlySpan<byte> bytes)
    {
        Output.Write(bytes);
        Assert.True(Output.FlushAsync().IsCompletedSuccessfully);
    }

    /// <summary>Passes bytes on in pieces of the sizes given, again and again, until the source ends.</summary>
    public static async Task CopyInPiecesAsync(PipeReader source, PipeWriter destination, params int[] sizes)
    {
        for (int i = 0; ; i++)
        {
            var result = await source.ReadAsync();
            var piece = result.Buffer.Slice(0, Math.Min(result.Buffer.Length, sizes[i % sizes.Length]));
            if (piece.IsEmpty && result.IsCompleted) break;
            foreach (var memory in piece) destination.Write(memory.Span);
            source.AdvanceTo(piece.End);
            if ((await destination.FlushAsync()).IsCompleted) break;
        }
        await destination.CompleteAsync();
    }
}

/// <summary>A byte stream that also carries messages, straight to a handler.</summary>
internal sealed class MessageTransport(MemoryTransport pipe, Func<byte[], bool> send) : IReliableStream
{
    public PipeReader Input => pipe.Input;

    public PipeWriter Output => pipe.Output;

    public uint LocalId => 1;

    public uint RemoteId => 2;

    public DatagramSource Remote => default;

    public bool IsConnected => true;

    public long BytesReceived => 0;

    public long BytesAcknowledged => 0;

    public TimeSpan RoundTripTime => TimeSpan.Zero;

    public Task<StreamClose> Closed => Task.FromResult(default(StreamClose));

    public Exception? AbortedWith { get; private set; }

    public void Connect(SocketId socket, uint remoteId, UdpEndPoint remote) => throw new InvalidOperationException("Connected already.");

    public void ChangeRemote(SocketId socket, uint remoteId, UdpEndPoint remote) => throw new InvalidOperationException("It has no path.");

    public void RelayTo(IReliableStream destination, RelayFilter? filter = null) => throw new InvalidOperationException("It has no packets to relay.");

    public bool TryProbe(SocketId socket, UdpEndPoint remote) => false;

    public bool TrySendMessage(ReadOnlySpan<byte> message) => send(message.ToArray());

    public ValueTask FlushAcknowledgedAsync(CancellationToken cancellationToken = default) => default;

    public void Abort(Exception? error = null)
    {
        AbortedWith = error;
        Input.CancelPendingRead();
        Output.CancelPendingFlush();
    }

    public ValueTask DisposeAsync() => default;
}
