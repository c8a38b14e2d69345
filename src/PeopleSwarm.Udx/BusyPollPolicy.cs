namespace PeopleSwarm.Udx;

/// <summary>
/// Decides whether a loop lends its thread to a reader and polls for the next message afterwards: only while lone messages are answered
/// sooner than a thread wakes up, and readers are as quick. In a transfer it is lent to readers and writers that are quick, without polling.
/// </summary>
/// <param name="spinTime">How soon that is; zero for never.</param>
internal sealed class BusyPollPolicy(TimeSpan spinTime)
{
    private const int Most = 16, Enough = 8, Miss = 4; // one answer in five may be late
    private const int MaxDatagrams = 2; // the answer and an acknowledgement: more is a transfer
    private const int Pause = 100; // answers in time, or turns, before another reader may hold up the others on the host
    private const int ShortPause = 10; // turns until it shows whether others are quicker than waking a thread for them

    private static readonly TimeSpan s_holdUp = TimeSpan.FromMilliseconds(1);

    private int _score;
    private int _turnsUntilLoan;
    private Timestamp? _sentAt;

    /// <summary>Whether the latest messages were answered in time.</summary>
    public bool IsOn => _score >= Enough;

    /// <summary>Whether those who take part in a transfer are quick enough to have the loop's thread.</summary>
    public bool MayLend => _turnsUntilLoan == 0 && spinTime > TimeSpan.Zero;

    /// <summary>Whether the reader of what came in so many datagrams may have the loop's thread.</summary>
    public bool MayLendToReader(int datagrams) => IsOn || (datagrams > MaxDatagrams && MayLend);

    /// <summary>Whether an answer is expected that is worth waiting for.</summary>
    public bool ExpectsAnswer => IsOn && _sentAt is not null;

    public void OnTurn()
    {
        if (_turnsUntilLoan > 0) _turnsUntilLoan--;
    }

    /// <summary>The application sent a lone message.</summary>
    public void OnSent(Timestamp now) => _sentAt = now;

    /// <summary>The application gets to read what came in so many datagrams.</summary>
    public void OnReceived(Timestamp now, int datagrams)
    {
        Count(_sentAt is { } sent && now - sent < spinTime && datagrams <= MaxDatagrams);
        _sentAt = null;
    }

    /// <summary>A reader or writer has or had the loop's thread for so long.</summary>
    public void OnLoan(TimeSpan length)
    {
        if (length >= s_holdUp)
        {
            _score = -Pause;
            _turnsUntilLoan = Pause;
        }
        else if (length >= spinTime)
        {
            Count(isInTime: false);
            _turnsUntilLoan = Math.Max(_turnsUntilLoan, ShortPause);
        }
    }

    private void Count(bool isInTime)
    {
        if (isInTime) _score = Math.Min(_score + 1, Most);
        else if (_score > 0) _score = Math.Max(_score - Miss, 0);
    }
}
