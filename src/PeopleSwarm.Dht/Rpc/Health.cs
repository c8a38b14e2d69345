namespace PeopleSwarm.Dht.Rpc;

/// <summary>Whether the network answers, judged once a tick over a window of four (spec dht-rpc, 19).</summary>
internal sealed class Health
{
    private const int Window = 4, OfflineThreshold = 2, IdleThreshold = 4;
    private const double DegradedRate = 0.5;

    private enum Verdict { None, Healthy, Degraded, Offline }

    private readonly Verdict[] _verdicts = new Verdict[Window];
    private int _ticks, _offlineTicks;
    private long _responses, _timeouts;

    public bool IsOnline { get; private set; } = true;

    public bool IsDegraded { get; private set; }

    public bool IsCold => _ticks < Window;

    /// <summary>Whether the last tick saw too little to judge.</summary>
    public bool IsIdle { get; private set; } = true;

    /// <summary>Takes the counters since the start.</summary>
    public void Update(long responses, long timeouts)
    {
        long newResponses = _ticks == 0 ? 0 : responses - _responses, newTimeouts = _ticks == 0 ? 0 : timeouts - _timeouts;
        (_responses, _timeouts) = (responses, timeouts);
        ref var verdict = ref _verdicts[_ticks % Window];
        _ticks++;
        verdict = Verdict.None;
        IsIdle = newResponses + newTimeouts < IdleThreshold;
        if (IsCold || IsIdle) return;

        verdict = newResponses == 0 ? Verdict.Offline
            : (double)newTimeouts / (newResponses + newTimeouts) > DegradedRate ? Verdict.Degraded : Verdict.Healthy;
        _offlineTicks = verdict == Verdict.Offline ? _offlineTicks + 1 : 0;
        if (verdict != Verdict.Offline) IsOnline = true;
        else if (_offlineTicks >= OfflineThreshold) IsOnline = false;
        if (!IsOnline || _verdicts.All(v => v == Verdict.Healthy)) IsDegraded = false;
        else if (_verdicts.All(v => v == Verdict.Degraded)) IsDegraded = true;
    }

    public void Reset()
    {
        Array.Clear(_verdicts);
        (_ticks, _offlineTicks, IsOnline, IsDegraded, IsIdle) = (0, 0, true, false, true);
    }
}
