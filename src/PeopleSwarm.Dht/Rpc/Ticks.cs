namespace PeopleSwarm.Dht.Rpc;

/// <summary>The 5 s clock of table maintenance (spec dht-rpc, 12, 17 and 18).</summary>
internal sealed class Ticks
{
    public const int RecentNode = 12, OldNode = 360, Refresh = 60, Stable = 240, MoreStable = 720;

    private const int PingInterval = 8, SmallTableInterval = 64;

    /// <summary>A longer gap between two ticks means that the machine slept.</summary>
    public static readonly TimeSpan SleepGap = 3 * RpcProtocol.TickInterval;

    private Timestamp _last;
    private int _refreshIn;

    public Ticks(Timestamp now, IRandomSource random)
    {
        Now = 100 - random.Next(50); // random phases, so that a fleet does not ping in step
        _refreshIn = Refresh - random.Next(30);
        _last = now;
    }

    /// <summary>The current tick.</summary>
    public long Now { get; private set; }

    public Timestamp Due => _last + RpcProtocol.TickInterval;

    public bool IsPingDue => Now % PingInterval == 0;

    public bool IsSmallTableRefreshDue => Now % SmallTableInterval == 0;

    /// <summary>Moves to the next tick; true if so much time passed that the machine must have slept.</summary>
    public bool Advance(Timestamp now)
    {
        bool slept = now - _last > SleepGap;
        _last = now;
        if (!slept) Now++;
        return slept;
    }

    /// <summary>Makes every node look old, with pings in two ticks and a refresh at the next.</summary>
    public void WakeUp()
    {
        Now += 2 * OldNode;
        Now += PingInterval - Now % PingInterval - 2;
        _refreshIn = 1;
    }

    /// <summary>The ticks go on from <paramref name="now"/>.</summary>
    public void Restart(Timestamp now) => _last = now;

    public void OnQuery() => _refreshIn = Refresh;

    /// <summary>Whether no query ran for long.</summary>
    public bool CountDownRefresh() => --_refreshIn <= 0;
}
