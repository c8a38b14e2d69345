namespace PeopleSwarm.Dht;

/// <summary>Notices that the machine slept: on some systems the monotonic clock stands still meanwhile and only the wall clock tells.</summary>
internal sealed class SleepWatch : IAsyncDisposable
{
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(5), s_gap = TimeSpan.FromSeconds(15);

    private readonly TimeProvider _time;
    private readonly Action<TimeSpan> _slept;
    private readonly ITimer _timer;
    private DateTimeOffset _wall;
    private long _monotonic;

    public SleepWatch(TimeProvider time, Action<TimeSpan> slept)
    {
        (_time, _slept) = (time, slept);
        (_wall, _monotonic) = (time.GetUtcNow(), time.GetTimestamp());
        _timer = time.CreateTimer(static state => ((SleepWatch)state!).Look(), this, s_interval, s_interval);
    }

    public ValueTask DisposeAsync() => _timer.DisposeAsync();

    private void Look()
    {
        var wall = _time.GetUtcNow();
        long monotonic = _time.GetTimestamp();
        var slept = wall - _wall - _time.GetElapsedTime(_monotonic, monotonic);
        (_wall, _monotonic) = (wall, monotonic);
        if (slept > s_gap) _slept(slept);
    }
}
