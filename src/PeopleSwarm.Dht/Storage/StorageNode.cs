using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Dht.Rpc;

namespace PeopleSwarm.Dht.Storage;

/// <summary>
/// Serves FIND_PEER, LOOKUP, ANNOUNCE and UNANNOUNCE (spec hyperdht, 4.1), and hands the commands of values on. Whatever is malformed,
/// unsigned or over a limit is met with silence.
/// </summary>
internal sealed class StorageNode
{
    /// <summary>Records of a LOOKUP answer.</summary>
    public const int MaxLookupRecords = 20;

    /// <summary>Relay addresses kept of a record; more are cut after the signature was checked.</summary>
    public const int MaxRelayAddresses = 3;

    /// <summary>How far a bump may be ahead of our clock, in milliseconds.</summary>
    public const long MaxBumpDrift = 60_000;

    private readonly IRpcEngine _engine;
    private readonly ICryptoSuite _crypto;
    private readonly AnnounceSigner _signer;
    private readonly IRandomSource _random;
    private readonly Func<long> _unixMilliseconds;
    private readonly AnnounceStore _records;
    private readonly TwoGenerationCache<NodeId, long> _bumps;
    private readonly TwoGenerationCache<NodeId, Refreshable> _refreshes;
    private readonly VerificationLimit _verifications;
    private readonly ValueStorage _values;

    private readonly record struct Refreshable(NodeId Target, PublicKey Key, byte[] Record, bool IsSelf);

    /// <param name="engine">The RPC layer.</param>
    /// <param name="routes">Where self-announcements go.</param>
    /// <param name="crypto">Verifies and hashes.</param>
    /// <param name="signer">Checks the signatures of announcements.</param>
    /// <param name="mutableSigner">Checks the signatures of mutable values.</param>
    /// <param name="random">Chooses among the records of a topic.</param>
    /// <param name="unixMilliseconds">The wall clock, for bumps alone.</param>
    /// <param name="options">Sizes and limits.</param>
    public StorageNode(IRpcEngine engine, RouteTable routes, ICryptoSuite crypto, AnnounceSigner signer, MutableSigner mutableSigner,
        IRandomSource random, Func<long> unixMilliseconds, PeerDhtOptions options)
    {
        (_engine, Routes, _crypto, _signer, _random, _unixMilliseconds) = (engine, routes, crypto, signer, random, unixMilliseconds);
        _records = new(options.MaxRecords, options.RecordAge, options.MaxRecordsPerSource);
        _bumps = new(options.MaxRecords, options.RecordAge, options.MaxRecordsPerSource);
        _refreshes = new(options.MaxRecords, options.RecordAge, options.MaxRecordsPerSource);
        _verifications = new(options);
        _values = new(engine, crypto, mutableSigner, _verifications, options);
    }

    public RouteTable Routes { get; }

    /// <summary>Records stored for others.</summary>
    public int RecordCount => _records.Count;

    /// <summary>Values stored for others.</summary>
    public ValueStorage Values => _values;

    /// <summary>Announcements and values not looked at because their source, or all together, were over the limit.</summary>
    public long OverLimit => _verifications.Refused;

    /// <summary>Serves a request; false for a command that is not ours, and for all while we have no id.</summary>
    public bool TryHandle(Timestamp now, in RpcIncoming request)
    {
        if (_engine.Id is not { } id) return false;
        switch (request.Command)
        {
            case PeerCommand.FindPeer:
                OnFindPeer(now, request);
                return true;
            case PeerCommand.Lookup:
                OnLookup(now, request);
                return true;
            case PeerCommand.Announce:
                OnAnnounce(now, request, id);
                return true;
            case PeerCommand.Unannounce:
                OnUnannounce(now, request, id);
                return true;
            default:
                return _values.TryHandle(now, request);
        }
    }

    /// <summary>Forgets what we stored of a key ourselves.</summary>
    public void Remove(in NodeId target, in PublicKey key)
    {
        _records.Remove(target, key);
        if (IsSelfAnnounce(target, key)) Routes.Remove(target);
    }

    /// <summary>Drops what is too old, so that a quiet node gives its memory back.</summary>
    public void Advance(Timestamp now)
    {
        _records.Advance(now);
        _bumps.Advance(now);
        _refreshes.Advance(now);
        _values.Advance(now);
        Routes.Advance(now);
    }

    private void OnFindPeer(Timestamp now, in RpcIncoming request)
    {
        if (request.Target is not { } target) return;
        _engine.Reply(now, request, Routes.TryGet(now, target, out var route) ? new RpcReply(route.Record) : new RpcReply(Value: null));
    }

    private void OnLookup(Timestamp now, in RpcIncoming request)
    {
        if (request.Target is not { } target) return;
        var records = _records.Pick(now, target, MaxLookupRecords, _random);
        if (records.Count < MaxLookupRecords && Routes.TryGet(now, target, out var route)) records.Add(route.Record);
        _bumps.TryGet(now, target, out long bump, renew: true);
        _engine.Reply(now, request, records.Count == 0 ? new RpcReply(Value: null) : new RpcReply(LookupReplyCodec.Encode(records, bump)));
    }

    private void OnAnnounce(Timestamp now, in RpcIncoming request, in NodeId id)
    {
        if (request.Target is not { } target || !request.HasValidToken || request.Value is not { } value) return;
        if (!AnnounceMessage.TryRead(value.Span, out var message)) return;
        if (message.Peer is null)
        {
            if (!message.Refresh.IsEmpty) OnRefresh(now, request, message.Refresh);
            return;
        }
        if (!_verifications.TryTake(now, request.From) || !_signer.VerifyAnnounce(target, id, request.Token.Span, message)) return;
        var relays = message.Peer.RelayAddresses;
        var record = PeerRecordCodec.Encode(
            relays.Count > MaxRelayAddresses ? message.Peer with { RelayAddresses = relays.Take(MaxRelayAddresses).ToArray() } : message.Peer);
        var stored = new Refreshable(target, message.Peer.PublicKey, record, IsSelfAnnounce(target, message.Peer.PublicKey));
        if (!stored.IsSelf) SetBump(now, target, message.Bump, request.From);
        Store(now, stored, request.From);
        if (!message.Refresh.IsEmpty) _refreshes.Set(now, new(message.Refresh), stored, request.From.IPv4);
        _engine.Reply(now, request, new(WithToken: false, WithCloserNodes: false));
    }

    /// <summary>A link of a hash chain: whoever shows the preimage keeps the record alive without a signature.</summary>
    private void OnRefresh(Timestamp now, in RpcIncoming request, ReadOnlySpan<byte> refresh)
    {
        Span<byte> hash = stackalloc byte[NodeId.Size];
        _crypto.Hash(refresh, hash);
        var known = new NodeId(hash);
        if (!_refreshes.TryGet(now, known, out var stored)) return;
        _refreshes.Remove(known);
        _refreshes.Set(now, new(refresh), stored, request.From.IPv4);
        Store(now, stored, request.From);
        _engine.Reply(now, request, new(WithToken: false, WithCloserNodes: false));
    }

    private void Store(Timestamp now, in Refreshable stored, in UdpEndPoint from)
    {
        if (!stored.IsSelf)
        {
            _records.Set(now, stored.Target, stored.Key, stored.Record, from.IPv4);
            return;
        }
        Routes.Set(now, stored.Target, from, stored.Record);
        _records.Remove(stored.Target, stored.Key);
    }

    private void SetBump(Timestamp now, in NodeId target, long bump, in UdpEndPoint from)
    {
        if (bump == 0 || bump > _unixMilliseconds() + MaxBumpDrift) return;
        if (!_bumps.TryGet(now, target, out long known) || bump > known) _bumps.Set(now, target, bump, from.IPv4);
    }

    private void OnUnannounce(Timestamp now, in RpcIncoming request, in NodeId id)
    {
        if (request.Target is not { } target || !request.HasValidToken || request.Value is not { } value) return;
        if (!AnnounceMessage.TryRead(value.Span, out var message) || message.Peer is null) return;
        if (!_verifications.TryTake(now, request.From) || !_signer.VerifyUnannounce(target, id, request.Token.Span, message)) return;
        Remove(target, message.Peer.PublicKey);
        _engine.Reply(now, request, new(WithToken: false, WithCloserNodes: false));
    }

    private bool IsSelfAnnounce(in NodeId target, in PublicKey key) => PeerTarget.Of(_crypto, key) == target;
}
