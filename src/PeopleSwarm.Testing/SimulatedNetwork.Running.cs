namespace PeopleSwarm.Testing;

public sealed partial class SimulatedNetwork
{
    private readonly EventQueue _clock;
    private bool _wakesAll;

    /// <summary>The current instant. It moves only while the network runs.</summary>
    public Timestamp Now => _clock.Now;

    /// <summary>Runs until the condition holds; it is looked at before the first event and after each.</summary>
    /// <returns>False if it does not hold within <paramref name="limit"/> of virtual time.</returns>
    /// <exception cref="SimulationException">A machine threw, or broke its contract.</exception>
    public bool RunUntil(Func<bool> condition, TimeSpan limit)
    {
        ArgumentNullException.ThrowIfNull(condition);
        return AsRunner(() =>
        {
            var end = Now + limit;
            WakeAll();
            Settle();
            while (!condition())
            {
                if (Step(end)) continue;
                _clock.JumpTo(end);
                return condition();
            }
            return true;
        });
    }

    /// <summary>Runs for a stretch of virtual time.</summary>
    /// <exception cref="SimulationException">A machine threw, or broke its contract.</exception>
    public void RunFor(TimeSpan duration) => RunUntil(static () => false, duration);

    /// <summary>Runs until nothing is left to happen at this instant.</summary>
    public void RunNow() => RunFor(TimeSpan.Zero);

    /// <summary>Does something later, in between the datagrams; machines may be commanded from there.</summary>
    public void After(TimeSpan delay, Action action)
    {
        ArgumentNullException.ThrowIfNull(action);
        At(Now + delay, () =>
        {
            action();
            WakeAll();
        });
    }

    /// <summary>The clock jumps, as after a host's suspend: nothing happens in between, everything due is late.</summary>
    public void Jump(TimeSpan duration) => _clock.JumpTo(Now + duration);

    internal void Post(Action action) => Post(SimulatedEvent.Of(action));

    internal void Post(in SimulatedEvent happening) => _clock.Add(Now, happening);

    internal void At(Timestamp instant, Action action) => At(instant, SimulatedEvent.Of(action));

    internal void At(Timestamp instant, in SimulatedEvent happening) => _clock.Add(instant, happening);

    private bool Step(Timestamp end)
    {
        if (!_clock.TryTake(end, out var happening)) return false;
        try
        {
            happening.Happen();
        }
        catch (Exception error) when (error is not SimulationException)
        {
            throw Failure($"{error.GetType().Name}: {error.Message}", error);
        }
        Settle();
        return true;
    }

    // Tests command machines between runs without telling their loops. One event for all: of many thousand loops most have nothing to do.
    private void WakeAll()
    {
        if (_wakesAll) return;
        _wakesAll = true;
        Post(new SimulatedEvent(static (network, _) => ((SimulatedNetwork)network).TurnAll(), this));
    }

    private void TurnAll()
    {
        _wakesAll = false;
        for (int i = 0; i < _hosts.Count; i++) _hosts[i].TurnLoops();
    }
}
