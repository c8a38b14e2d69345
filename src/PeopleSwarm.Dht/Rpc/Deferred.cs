namespace PeopleSwarm.Dht.Rpc;

/// <summary>Callbacks put off to the end of the machine's turn, so that no call calls back inline.</summary>
internal sealed class Deferred
{
    private readonly Queue<Action<Timestamp>> _work = new();

    public bool IsEmpty => _work.Count == 0;

    public void Post(Action<Timestamp> work) => _work.Enqueue(work);

    /// <summary>Runs what is waiting, also what that adds.</summary>
    public void Run(Timestamp now)
    {
        while (_work.TryDequeue(out var work)) work(now);
    }
}
