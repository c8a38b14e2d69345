namespace PeopleSwarm.Udx;

/// <summary>What a stream wants from its loop.</summary>
[Flags]
internal enum StreamSignals
{
    None = 0,

    /// <summary>The application flushed bytes or completed its writer.</summary>
    Written = 1,

    /// <summary>The application read a good part of the window.</summary>
    Consumed = 2,

    /// <summary>Payload waits to be shown to the reader.</summary>
    Received = 4,

    /// <summary>The peer acknowledged bytes, whose room the writer gets back.</summary>
    Acknowledged = 8,
}

/// <summary>Streams that want the loop's attention, as a stack of signals linked through themselves: raising one allocates nothing.</summary>
/// <param name="wake">Asks the loop for a turn.</param>
/// <param name="send">Has the loop send what is there, on this thread if it is at rest.</param>
internal sealed class SignalStack(Action wake, Action send)
{
    private StreamSignal? _top;

    public void Push(StreamSignal signal)
    {
        var top = Volatile.Read(ref _top);
        while (true)
        {
            signal.Next = top;
            var seen = Interlocked.CompareExchange(ref _top, signal, top);
            if (ReferenceEquals(seen, top)) return;
            top = seen;
        }
    }

    public bool IsEmpty => Volatile.Read(ref _top) is null;

    public void Wake() => wake();

    public void Send() => send();

    /// <summary>Takes all signals, the earliest first; they are linked by <see cref="StreamSignal.Next"/>.</summary>
    public StreamSignal? TakeAll()
    {
        if (Volatile.Read(ref _top) is null) return null;
        var top = Interlocked.Exchange(ref _top, null);
        StreamSignal? reversed = null;
        while (top is not null) (top.Next, reversed, top) = (reversed, top, top.Next);
        return reversed;
    }
}

/// <summary>One stream's flag: set by pipe ends on any thread, taken by the loop.</summary>
internal sealed class StreamSignal(SignalStack stack, UdxStream stream)
{
    private int _raised;

    public UdxStream Stream { get; } = stream;

    /// <summary>The next one in the stack that this is in.</summary>
    public StreamSignal? Next { get; set; }

    /// <summary>Flags the stream and asks the loop for a turn.</summary>
    public void Raise(StreamSignals signals)
    {
        if (Set(signals)) stack.Wake();
    }

    /// <summary>Flags the stream as written and has it sent at once if the loop is at rest.</summary>
    public void RaiseWritten()
    {
        if (Set(StreamSignals.Written)) stack.Send();
    }

    /// <summary>Flags the stream in a turn, which will come to it by itself.</summary>
    public void RaiseOnLoop(StreamSignals signals) => Set(signals);

    /// <summary>Takes the flags; a later one pushes the signal again.</summary>
    public StreamSignals Take() => (StreamSignals)Interlocked.Exchange(ref _raised, 0);

    private bool Set(StreamSignals signals)
    {
        int before = Interlocked.Or(ref _raised, (int)signals);
        if (before == 0) stack.Push(this);
        return (before & (int)signals) != (int)signals;
    }
}
