using System.Text;

namespace PeopleSwarm.Dht;

/// <summary>Relays that announced themselves: looked up when somebody needs one, and remembered for a while.</summary>
internal sealed class RelayDirectory
{
    private const int MaxRelays = 64;
    private static readonly TimeSpan s_age = TimeSpan.FromMinutes(10), s_lookupLimit = TimeSpan.FromSeconds(3);

    private readonly DhtNode _node;
    private readonly IRandomSource _random;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private readonly Dictionary<PublicKey, IReadOnlyList<UdpEndPoint>> _relays = [];
    private readonly Dictionary<PublicKey, long> _avoided = [];
    private long? _lookedUp;
    private Task _lookup = Task.CompletedTask;

    public RelayDirectory(DhtNode node, ICryptoSuite crypto, IRandomSource random, TimeProvider time)
    {
        (_node, _random, _time) = (node, random, time);
        Span<byte> hash = stackalloc byte[Topic.Size];
        crypto.Hash(Encoding.UTF8.GetBytes(RelayOptions.TopicText), hash);
        Topic = new(hash);
    }

    /// <summary>Where relays meet those who need one.</summary>
    public Topic Topic { get; }

    /// <summary>One of the relays known now, at random; looks for more if that is long ago.</summary>
    public PublicKey? Pick(ICollection<PublicKey>? except = null)
    {
        lock (_gate)
        {
            if (!IsFresh) _ = LookUpUnsynchronized();
            var candidates = _relays.Keys.Where(k => except?.Contains(k) != true).ToArray();
            return candidates.Length == 0 ? null : candidates[_random.Next(candidates.Length)];
        }
    }

    /// <summary>As <see cref="Pick"/>, but waits for a look-up, for a short time, if none is known.</summary>
    public async Task<PublicKey?> FindAsync(ICollection<PublicKey> except, CancellationToken cancellationToken)
    {
        if (Pick(except) is { } known) return known;
        Task lookup;
        lock (_gate) lookup = _lookup;
        try
        {
            await lookup.WaitAsync(s_lookupLimit, _time, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            return Pick(except); // what it has found by now
        }
        return Pick(except);
    }

    /// <summary>Nodes that forward handshakes to a relay; empty if it is not known.</summary>
    public IReadOnlyList<UdpEndPoint> AddressesOf(PublicKey relay)
    {
        lock (_gate) return _relays.GetValueOrDefault(relay, []);
    }

    /// <summary>A relay was of no use: it is not picked again for a while, although it is still announced.</summary>
    public void Avoid(PublicKey relay)
    {
        lock (_gate)
        {
            _relays.Remove(relay);
            if (_avoided.Count >= MaxRelays) _avoided.Remove(_avoided.MinBy(a => a.Value).Key);
            _avoided[relay] = _time.GetTimestamp();
        }
    }

    /// <summary>Whether a relay was of no use a while ago.</summary>
    public bool IsAvoided(PublicKey relay)
    {
        lock (_gate) return IsAvoidedUnsynchronized(relay);
    }

    private bool IsAvoidedUnsynchronized(PublicKey relay) => _avoided.TryGetValue(relay, out long at) && _time.GetElapsedTime(at) < s_age;

    private bool IsFresh => _lookedUp is { } at && _time.GetElapsedTime(at) < s_age && (_relays.Count != 0 || _time.GetElapsedTime(at) < s_lookupLimit);

    private Task LookUpUnsynchronized() => _lookup.IsCompleted ? _lookup = LookUpAsync() : _lookup;

    private async Task LookUpAsync()
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding); // not under the lock, nor on the loop
        try
        {
            await foreach (var reply in ((IAsyncEnumerable<LookupReply>)_node.Lookup(Topic)).ConfigureAwait(false))
                foreach (var peer in reply.Peers) Add(peer);
        }
        catch (Exception error) when (error is DhtException or ObjectDisposedException)
        {
            return; // the node is suspended or goes away
        }
        finally
        {
            lock (_gate) _lookedUp = _time.GetTimestamp();
        }
    }

    private void Add(PeerRecord peer)
    {
        if (peer.PublicKey == _node.KeyPair.PublicKey) return;
        lock (_gate)
        {
            if (IsAvoidedUnsynchronized(peer.PublicKey)) return;
            // The list is anybody's to write to, so a newcomer takes a random place.
            if (!_relays.ContainsKey(peer.PublicKey) && _relays.Count >= MaxRelays) _relays.Remove(_relays.Keys.ElementAt(_random.Next(_relays.Count)));
            _relays[peer.PublicKey] = peer.RelayAddresses;
        }
    }
}
