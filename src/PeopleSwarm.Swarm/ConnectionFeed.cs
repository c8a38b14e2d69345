using System.Runtime.CompilerServices;

namespace PeopleSwarm.Swarm;

/// <summary>Hands each connection to one enumeration, the oldest first.</summary>
internal sealed class ConnectionFeed(int backlog)
{
    private readonly Lock _gate = new();
    private readonly LinkedList<ISwarmConnection> _waiting = [];
    private TaskCompletionSource _changed = NewSignal();
    private int _enumerations;
    private bool _isCompleted;

    /// <summary>A connection opened.</summary>
    public void Add(ISwarmConnection connection)
    {
        lock (_gate)
        {
            if (_isCompleted) return;
            _waiting.AddLast(connection);
            Signal();
        }
    }

    /// <summary>A connection closed: kept for an enumeration that is busy, for it may hold unread bytes, else dropped.</summary>
    public void OnClosed(ISwarmConnection connection)
    {
        lock (_gate)
        {
            if (_waiting.Find(connection) is not { } node) return;
            if (_enumerations == 0) _waiting.Remove(node);
            else if (_waiting.Count(other => other.Closed.IsCompleted) > backlog)
                _waiting.Remove(_waiting.First(other => other.Closed.IsCompleted));
        }
    }

    /// <summary>Ends the enumerations once they have taken what is left.</summary>
    public void Complete()
    {
        lock (_gate)
        {
            _isCompleted = true;
            Signal();
        }
    }

    public async IAsyncEnumerable<ISwarmConnection> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        lock (_gate) _enumerations++;
        try
        {
            while (true)
            {
                var (connection, changed) = Take();
                if (connection is not null) yield return connection;
                else if (changed is null) yield break;
                else await changed.WaitAsync(cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            lock (_gate) _enumerations--;
        }
    }

    /// <summary>The next connection, else what to wait for, else neither: the feed has ended.</summary>
    private (ISwarmConnection? Connection, Task? Changed) Take()
    {
        lock (_gate)
        {
            if (_waiting.First is not { } first) return (null, _isCompleted ? null : _changed.Task);
            _waiting.RemoveFirst();
            return (first.Value, null);
        }
    }

    private void Signal()
    {
        _changed.TrySetResult();
        _changed = NewSignal();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
