namespace PeopleSwarm.Dht.Connect;

/// <summary>The path of one connection: set on the loop, read anywhere.</summary>
internal sealed class PathState(PeerPath path)
{
    private readonly Lock _gate = new();
    private Action<PeerPath>? _changed;

    public PeerPath Current { get; private set; } = path;

    public void Set(PeerPath path)
    {
        Action<PeerPath>? changed;
        lock (_gate)
        {
            if (Current == path) return;
            Current = path;
            changed = _changed;
        }
        changed?.Invoke(path);
    }

    /// <summary>Has <paramref name="changed"/> called on the loop for every change from now on; returns the path of now.</summary>
    public PeerPath Follow(Action<PeerPath> changed)
    {
        lock (_gate)
        {
            _changed = changed;
            return Current;
        }
    }
}
