using System.IO.Pipelines;

namespace PeopleSwarm.Testing;

/// <summary>Runs scheduled work on the thread that runs the network, at the current instant and in order.</summary>
internal sealed class SimulatedScheduler(SimulatedNetwork network) : PipeScheduler
{
    public override void Schedule(Action<object?> action, object? state) => network.Post(() => action(state));
}

/// <summary>Brings continuations of simulated applications back to the thread that runs the network.</summary>
internal sealed class SimulatedSynchronizationContext(SimulatedNetwork network) : SynchronizationContext
{
    public override void Post(SendOrPostCallback d, object? state) => network.Post(() => RunHere(d, state));

    public override void Send(SendOrPostCallback d, object? state)
    {
        if (!network.IsRunningHere) throw new NotSupportedException("Waiting for the simulated network from another thread would stop it.");
        d(state);
    }

    public override SynchronizationContext CreateCopy() => this;

    private void RunHere(SendOrPostCallback callback, object? state)
    {
        var before = Current;
        SetSynchronizationContext(this);
        try
        {
            callback(state);
        }
        finally
        {
            SetSynchronizationContext(before);
        }
    }
}
