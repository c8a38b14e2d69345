using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Dht.Rpc;

namespace PeopleSwarm.Dht.Storage;

/// <summary>
/// Serves the gets and puts of immutable and mutable values (spec hyperdht, 4.1). What does not belong to its target, is not signed or
/// is over a limit is met with silence.
/// </summary>
internal sealed class ValueStorage
{
    /// <summary>What a value counts beside its bytes: about what keeping track of it takes.</summary>
    public const int Overhead = 256;

    private readonly IRpcEngine _engine;
    private readonly ICryptoSuite _crypto;
    private readonly MutableSigner _signer;
    private readonly VerificationLimit _verifications;
    private readonly TwoGenerationCache<Place, Stored> _values; // of both kinds: they share their bounds
    private readonly TwoGenerationCache<NodeId, long> _seqs;

    public ValueStorage(IRpcEngine engine, ICryptoSuite crypto, MutableSigner signer, VerificationLimit verifications, PeerDhtOptions options)
    {
        (_engine, _crypto, _signer, _verifications) = (engine, crypto, signer, verifications);
        _values = new(options.MaxValueBytes, options.ValueAge, options.MaxValueBytesPerSource);
        _seqs = new(options.MaxRememberedSeqs, 2 * options.ValueAge, options.MaxRecordsPerSource);
    }

    /// <summary>Values stored.</summary>
    public int Count => _values.Count;

    /// <summary>Their bytes, with <see cref="Overhead"/> for each.</summary>
    public long Bytes => _values.Weight;

    /// <summary>Serves a request; false for a command that is not ours.</summary>
    public bool TryHandle(Timestamp now, in RpcIncoming request)
    {
        if (request.Command is < PeerCommand.MutablePut or > PeerCommand.ImmutableGet) return false;
        if (request.Target is not { } target) return true;
        switch (request.Command)
        {
            case PeerCommand.MutablePut:
                OnMutablePut(now, request, target);
                break;
            case PeerCommand.MutableGet:
                OnMutableGet(now, request, target);
                break;
            case PeerCommand.ImmutablePut:
                OnImmutablePut(now, request, target);
                break;
            default:
                OnImmutableGet(now, request, target);
                break;
        }
        return true;
    }

    /// <summary>Drops what is too old.</summary>
    public void Advance(Timestamp now)
    {
        _values.Advance(now);
        _seqs.Advance(now);
    }

    private void OnImmutableGet(Timestamp now, in RpcIncoming request, in NodeId target) =>
        _engine.Reply(now, request, new(_values.TryGet(now, new(target, IsMutable: false), out var stored, renew: true) ? stored.Bytes : default(ReadOnlyMemory<byte>?)));

    private void OnImmutablePut(Timestamp now, in RpcIncoming request, in NodeId target)
    {
        if (!request.HasValidToken || request.Value is not { } value || ImmutableTarget.Of(_crypto, value.Span) != target) return;
        // Whoever brought it first answers for it: nobody can make another's value count against himself, and drop it then.
        if (!_values.TryGet(now, new(target, IsMutable: false), out _, renew: true)) Store(now, new(target, IsMutable: false), new(0, value.ToArray()), request.From);
        _engine.Reply(now, request, new RpcReply());
    }

    private void OnMutableGet(Timestamp now, in RpcIncoming request, in NodeId target)
    {
        if (request.Value is not { } value || !new CompactReader(value.Span).TryReadUInt(out long seq)) return;
        bool isNewEnough = _values.TryGet(now, new(target, IsMutable: true), out var stored, renew: true) && stored.Seq >= seq;
        _engine.Reply(now, request, new(isNewEnough ? stored.Bytes : default(ReadOnlyMemory<byte>?)));
    }

    private void OnMutablePut(Timestamp now, in RpcIncoming request, in NodeId target)
    {
        if (!request.HasValidToken || request.Value is not { } value || !MutablePutMessage.TryRead(value.Span, out var message)) return;
        if (PeerTarget.Of(_crypto, message.PublicKey) != target) return;
        if (!_verifications.TryTake(now, request.From) || !_signer.Verify(message.PublicKey, message.Record)) return;
        var place = new Place(target, IsMutable: true);
        long seq = message.Record.Seq;
        bool isKnown = _values.TryGet(now, place, out var stored, renew: true);
        if ((isKnown && seq < stored.Seq) || (_seqs.TryGet(now, target, out long highest) && seq < highest))
        {
            _engine.Reply(now, request, new(Error: RecordErrors.SeqTooLow, WithToken: false));
        }
        else if (isKnown && stored.Seq == seq && !HasValue(stored.Bytes, message.Record.Value))
        {
            _engine.Reply(now, request, new(Error: RecordErrors.SeqReused, WithToken: false));
        }
        else
        {
            if (!isKnown || stored.Seq != seq) Store(now, place, new(seq, message.Record.Encode()), request.From);
            _seqs.Set(now, target, seq, request.From.IPv4);
            _engine.Reply(now, request, new RpcReply());
        }
    }

    private void Store(Timestamp now, in Place place, in Stored stored, in UdpEndPoint from) =>
        _values.Set(now, place, stored, from.IPv4, stored.Bytes.Length + Overhead);

    private static bool HasValue(byte[] stored, ReadOnlySpan<byte> value) =>
        MutableRecordMessage.TryRead(stored, out var record) && record.Value.SequenceEqual(value);

    private readonly record struct Place(NodeId Target, bool IsMutable);

    /// <summary>A value as a get answers it.</summary>
    private readonly record struct Stored(long Seq, byte[] Bytes);
}
