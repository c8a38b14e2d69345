using System.IO.Pipelines;

namespace PeopleSwarm.Udx;

/// <summary>A socket that tells without waiting whether there is something to receive.</summary>
internal interface IPollableSocket
{
    /// <summary>Whether a receive finds something, were it an error.</summary>
    bool HasDatagram { get; }

    /// <summary>How to wait for one; shared by all sockets of the kind.</summary>
    BusyWait BusyWait { get; }
}

/// <summary>
/// Small messages to and fro: the reader goes on on the thread that received, and that thread polls the socket for the answer. In a transfer quick
/// readers and writers go on there too: what they take and give stays in the processor's cache, and no thread has to wake.
/// </summary>
internal sealed partial class DatagramHost
{
    private readonly BusyPollPolicy _busyPoll;
    private readonly Func<bool> _isPollOver;
    private HostSocket? _latest; // that was read
    private IPollableSocket? _polled;
    private int _takenInTurn;
    private int _isLoneSent;
    private bool _mayLendToReader, _mayLendToWriter, _hasLent;
    private Timestamp _lentAt;

    /// <summary>Where readers go on.</summary>
    public PipeScheduler ReaderScheduler { get; }

    /// <summary>Where writers go on that waited for room.</summary>
    public PipeScheduler WriterScheduler { get; }

    /// <summary>Shows readers what came, and says what the loop does if one of them may answer.</summary>
    private LoopNext? DeliverToReaders()
    {
        if (_loop.IsLent) _busyPoll.OnLoan(_now - _lentAt);
        _busyPoll.OnTurn();
        _mayLendToReader = _posted.IsEmpty && _busyPoll.MayLendToReader(_takenInTurn);
        _mayLendToWriter = _posted.IsEmpty && _busyPoll.MayLend;
        bool mayAnswer = Deliver();
        _mayLendToReader = _mayLendToWriter = false;
        if (mayAnswer) _busyPoll.OnReceived(_now, _takenInTurn);
        if (!_hasLent) return mayAnswer ? LoopNext.Yield : null;
        _hasLent = false;
        _lentAt = _now;
        return LoopNext.Lend;
    }

    private void NoteLoneMessage()
    {
        if (Volatile.Read(ref _isLoneSent) == 0) return;
        Volatile.Write(ref _isLoneSent, 0);
        _busyPoll.OnSent(_now);
    }

    private void AfterLoan()
    {
        ReadClock();
        _busyPoll.OnLoan(_now - _lentAt);
        if (!_busyPoll.ExpectsAnswer || _readable.IsEmpty || _latest?.Socket is not IPollableSocket socket) return;
        _polled = socket; // it was not read to its end, so nobody else watches it
        socket.BusyWait.Until(_isPollOver, _options.SpinTime);
    }

    /// <summary>Lends the loop's thread to the first reader or writer in a turn; others go where the turns run.</summary>
    private sealed class LendingScheduler(DatagramHost host, PipeScheduler inner, bool forReaders) : PipeScheduler
    {
        public override void Schedule(Action<object?> action, object? state)
        {
            if (host.IsCurrent && (forReaders ? host._mayLendToReader : host._mayLendToWriter) && host._loop.TryLend(action, state)) host._hasLent = true;
            else inner.Schedule(action, state);
        }
    }
}
