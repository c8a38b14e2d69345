using System.Diagnostics.CodeAnalysis;

namespace PeopleSwarm.Swarm.Policy;

/// <summary>The known peers and the banned ones, both bounded.</summary>
internal sealed class PeerTable(int maxPeers, int maxBans, Action<PeerInfo>? banChanged)
{
    private readonly Dictionary<PublicKey, PeerInfo> _peers = [];
    private readonly Dictionary<PublicKey, LinkedListNode<PeerInfo>> _bans = [];
    private readonly LinkedList<PeerInfo> _bansByAge = [];

    public int Count => _peers.Count;

    public int BannedCount => _bans.Count;

    public IEnumerable<PeerInfo> Peers => _peers.Values;

    public bool TryGet(PublicKey key, [NotNullWhen(true)] out PeerInfo? peer) => _peers.TryGetValue(key, out peer);

    /// <summary>The peer, added if it is new; for keys that the application or a connection vouches for.</summary>
    public PeerInfo GetOrAdd(PublicKey key)
    {
        if (!_peers.TryGetValue(key, out var peer)) _peers.Add(key, peer = new(key, banChanged));
        return peer;
    }

    /// <summary>The peer, added if there is room; null if not. For keys that strangers name.</summary>
    public PeerInfo? GetOrTryAdd(PublicKey key) =>
        _peers.TryGetValue(key, out var peer) ? peer : _peers.Count - _bans.Count >= maxPeers ? null : GetOrAdd(key);

    public void Remove(PeerInfo peer)
    {
        if (_peers.TryGetValue(peer.PublicKey, out var known) && known == peer) _peers.Remove(peer.PublicKey);
    }

    /// <summary>Enters a ban on the peer that is known by the key, and returns that; the oldest beyond the limit is lifted.</summary>
    public PeerInfo Ban(PeerInfo peer, out PeerInfo? lifted)
    {
        lifted = null;
        peer.SetBanned(true);
        if (_peers.TryGetValue(peer.PublicKey, out var known)) known.SetBanned(true);
        else _peers.Add(peer.PublicKey, known = peer);
        if (_bans.ContainsKey(peer.PublicKey)) return known;
        _bans.Add(peer.PublicKey, _bansByAge.AddLast(known));
        if (_bans.Count > maxBans) Unban(lifted = _bansByAge.First!.Value);
        return known;
    }

    /// <summary>Lifts a ban; the peer that is known by that key, or null.</summary>
    public PeerInfo? Unban(PeerInfo peer)
    {
        peer.SetBanned(false);
        if (_bans.Remove(peer.PublicKey, out var node)) _bansByAge.Remove(node);
        if (!_peers.TryGetValue(peer.PublicKey, out var known)) return null;
        known.SetBanned(false);
        return known;
    }
}
