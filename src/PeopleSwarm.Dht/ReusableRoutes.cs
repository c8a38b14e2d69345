using PeopleSwarm.Dht.Connect;

namespace PeopleSwarm.Dht;

/// <summary>Keeps paths by key, and notes when their streams close.</summary>
/// <param name="maxRoutes">Paths kept; the oldest goes first.</param>
/// <param name="linger">Time a path is kept after its stream has closed.</param>
/// <param name="now">The current instant, on any thread.</param>
internal sealed class ReusableRoutes(int maxRoutes, TimeSpan linger, Func<Timestamp> now) : IReusableRoutes
{
    private readonly Lock _gate = new(); // the state of entries: streams close on any thread
    private readonly Dictionary<PublicKey, Entry> _routes = [];
    private readonly Queue<(PublicKey Remote, Entry Entry)> _order = new();

    public void Keep(PublicKey remote, IReliableStream stream, PeerPath path)
    {
        var entry = new Entry(stream, path);
        _routes[remote] = entry;
        _order.Enqueue((remote, entry));
        _ = stream.Closed.ContinueWith(
            close => OnClosed(entry, close.Result.Reason), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        while (_order.TryPeek(out var oldest) && (_order.Count > maxRoutes || !IsCurrent(oldest) || !IsUsable(oldest.Entry)))
        {
            if (IsCurrent(oldest)) _routes.Remove(oldest.Remote);
            _order.Dequeue();
        }
    }

    public bool TryGet(PublicKey remote, out ReusableRoute route)
    {
        route = default;
        if (!_routes.TryGetValue(remote, out var entry)) return false;
        lock (_gate) route = new(entry.To, entry.Path);
        return IsUsable(entry) || !_routes.Remove(remote);
    }

    public void Clear()
    {
        _routes.Clear();
        _order.Clear();
    }

    private bool IsCurrent((PublicKey Remote, Entry Entry) kept) => _routes.TryGetValue(kept.Remote, out var current) && current == kept.Entry;

    private bool IsUsable(Entry entry)
    {
        lock (_gate) return !entry.IsBroken && (entry.ClosedAt is not { } closed || now() - closed < linger);
    }

    private void OnClosed(Entry entry, StreamCloseReason reason)
    {
        lock (_gate) entry.Close(now(), isBroken: reason is StreamCloseReason.TimedOut or StreamCloseReason.TransportClosed);
    }

    /// <summary>A path with its stream; of a stream that has closed only the address is kept.</summary>
    private sealed class Entry(IReliableStream stream, PeerPath path)
    {
        private DatagramSource _last;

        public IReliableStream? Stream { get; private set; } = stream;

        public PeerPath Path { get; } = path;

        public DatagramSource To => Stream?.Remote ?? _last;

        public Timestamp? ClosedAt { get; private set; }

        public bool IsBroken { get; private set; }

        public void Close(Timestamp now, bool isBroken)
        {
            _last = Stream!.Remote;
            (Stream, ClosedAt, IsBroken) = (null, now, isBroken);
        }
    }
}
