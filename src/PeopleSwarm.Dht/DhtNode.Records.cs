using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Dht.Rpc;

namespace PeopleSwarm.Dht;

// Values stored in the DHT: immutable ones under their hash, mutable ones under their owner's key (spec hyperdht, 5).
internal sealed partial class DhtNode
{
    public async Task<ImmutablePutResult> PutImmutableAsync(ReadOnlyMemory<byte> value, DhtQueryOptions? options = null, CancellationToken cancellationToken = default)
    {
        ThrowIfTooLarge(value.Length, ImmutableRecord.MaxValueSize, "an immutable", nameof(value));
        var bytes = value.ToArray(); // the caller may go on writing into his
        var target = ImmutableTarget.Of(_services.Crypto, bytes);
        var request = QueryRequest(target, PeerCommand.ImmutableGet, null, options) with
        {
            Commit = reply => reply.Token is { } token ? new(reply.From, PeerCommand.ImmutablePut, target, bytes, token, ToId: reply.Id) : null,
        };
        var query = new DhtQuery<bool>(this, (now, observer) => _machine.StartQuery(now, request, observer), MapNothing, _options.QueryBuffer, hasCommit: true);
        return new(target, await query.FinishAsync(cancellationToken).ConfigureAwait(false));
    }

    public async Task<ImmutableRecord?> GetImmutableAsync(NodeId target, DhtQueryOptions? options = null, CancellationToken cancellationToken = default)
    {
        var request = QueryRequest(target, PeerCommand.ImmutableGet, null, options);
        var query = new DhtQuery<ImmutableRecord>(this, (now, observer) => _machine.StartQuery(now, request, observer), Map, _options.QueryBuffer);
        await foreach (var record in query.WithCancellation(cancellationToken).ConfigureAwait(false)) return record;
        ThrowIfNobodyAnswered(await query.FinishAsync(cancellationToken).ConfigureAwait(false));
        return null;

        bool Map(RpcResponse reply, out ImmutableRecord record)
        {
            record = null!;
            if (reply.Value is not { } value || ImmutableTarget.Of(_services.Crypto, value.Span) != target) return false;
            record = new(reply.ToPublic(), target, value);
            return true;
        }
    }

    public async Task<MutablePutResult> PutMutableAsync(KeyPair keyPair, ReadOnlyMemory<byte> value, long seq = 0, DhtQueryOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(keyPair);
        ThrowIfCannotSign(keyPair);
        ThrowIfTooLarge(value.Length, MutableRecord.MaxValueSize, "a mutable", nameof(value));
        ThrowIfNoSeq(seq, nameof(seq));
        var bytes = value.ToArray();
        var signature = await SignMutableAsync(keyPair, bytes, seq, cancellationToken).ConfigureAwait(false);
        return await StoreAsync(keyPair.PublicKey, bytes, seq, signature, options, cancellationToken).ConfigureAwait(false);
    }

    public Task<MutablePutResult> PutMutableAsync(MutableRecord record, DhtQueryOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(record);
        ThrowIfTooLarge(record.Value.Length, MutableRecord.MaxValueSize, "a mutable", nameof(record));
        ThrowIfNoSeq(record.Seq, nameof(record));
        if (!_peers.MutableSigner.Verify(record.PublicKey, new() { Seq = record.Seq, Value = record.Value.Span, Signature = record.Signature.Span }))
            throw new ArgumentException("The record is not signed by its key.", nameof(record));
        return StoreAsync(record.PublicKey, record.Value.ToArray(), record.Seq, record.Signature.ToArray(), options, cancellationToken);
    }

    public async Task<MutableRecord?> GetMutableAsync(PublicKey publicKey, MutableGetOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= new();
        ThrowIfNoSeq(options.MinimumSeq, nameof(options));
        var request = QueryRequest(PeerTarget.Of(_services.Crypto, publicKey), PeerCommand.MutableGet, EncodeSeq(options.MinimumSeq), options.Query);
        var query = new DhtQuery<RpcResponse>(this, (now, observer) => _machine.StartQuery(now, request, observer), MapValue, _options.QueryBuffer);
        MutableRecord? latest = null;
        await foreach (var reply in query.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            // Here and not on the loop, which has better to do than to check signatures; most answers repeat the first.
            if (ReadMutable(reply, publicKey, Math.Max(options.MinimumSeq, (latest?.Seq ?? -1) + 1)) is not { } record) continue;
            latest = record;
            if (!options.Latest) return record;
        }
        if (latest is null) ThrowIfNobodyAnswered(await query.FinishAsync(cancellationToken).ConfigureAwait(false));
        return latest;
    }

    private async Task<MutablePutResult> StoreAsync(
        PublicKey key, byte[] value, long seq, byte[] signature, DhtQueryOptions? options, CancellationToken cancellationToken)
    {
        var target = PeerTarget.Of(_services.Crypto, key);
        var message = new MutablePutMessage { PublicKey = key, Record = new() { Seq = seq, Value = value, Signature = signature } }.Encode();
        var conflict = new SeqConflict(_peers.MutableSigner, key, seq, value);
        var request = QueryRequest(target, PeerCommand.MutableGet, EncodeSeq(0), options) with
        {
            Commit = reply => conflict.Error is null && reply.Token is { } token ? new(reply.From, PeerCommand.MutablePut, target, message, token, ToId: reply.Id) : null,
        };
        var query = new DhtQuery<bool>(this, (now, observer) => _machine.StartQuery(now, request, conflict.Watch(observer)), MapNothing,
            _options.QueryBuffer, () => conflict.Error, hasCommit: true);
        try
        {
            return new(key, seq, signature, await query.FinishAsync(cancellationToken).ConfigureAwait(false));
        }
        catch (DhtException refusal) when (refusal.Error == DhtError.CommitRefused && refusal.RemoteError == RecordErrors.SeqReused)
        {
            throw SeqConflict.Reused(seq, refusal);
        }
        catch (DhtException refusal) when (refusal.Error == DhtError.CommitRefused && refusal.RemoteError == RecordErrors.SeqTooLow)
        {
            throw new DhtException(DhtError.SeqTooLow, $"Sequence number {seq} is too low: every node has seen a higher one.", refusal)
            {
                RemoteError = refusal.RemoteError,
            };
        }
    }

    private async ValueTask<byte[]> SignMutableAsync(KeyPair keyPair, byte[] value, long seq, CancellationToken cancellationToken)
    {
        var signable = new byte[MutableSigner.SignableSize];
        _peers.MutableSigner.WriteSignable(signable, seq, value);
        if (keyPair.Signer is { } function)
        {
            var target = PeerTarget.Of(_services.Crypto, keyPair.PublicKey);
            var request = new SignatureRequest(SignaturePurpose.MutableValue, keyPair.PublicKey, signable, target) { Seq = seq, Value = value };
            return await new SignatureSource(this, function, _services.Crypto, _lifetime.Token).SignAsync(request, cancellationToken).ConfigureAwait(false);
        }
        var signature = new byte[MutableRecordMessage.SignatureSize];
        _services.Crypto.Sign(keyPair, signable, signature);
        return signature;
    }

    /// <summary>The record of an answer; null if its sequence number is too low or it is not the key's.</summary>
    private MutableRecord? ReadMutable(RpcResponse reply, in PublicKey key, long minimumSeq)
    {
        if (!MutableRecordMessage.TryRead(reply.Value!.Value.Span, out var message) || message.Seq < minimumSeq) return null;
        if (!_peers.MutableSigner.Verify(key, message)) return null;
        return new(reply.ToPublic(), key, message.Seq, message.Value.ToArray(), message.Signature.ToArray());
    }

    private static bool MapValue(RpcResponse reply, out RpcResponse value)
    {
        value = reply;
        return reply.Value is not null;
    }

    private static bool MapNothing(RpcResponse reply, out bool value) => value = false;

    private static byte[] EncodeSeq(long seq)
    {
        var bytes = new byte[CompactWriter.SizeOfUInt(seq)];
        new CompactWriter(bytes).WriteUInt(seq);
        return bytes;
    }

    private static void ThrowIfTooLarge(int size, int limit, string kind, string argument)
    {
        if (size > limit) throw new ArgumentException($"The value has {size} bytes; {kind} one has at most {limit}.", argument);
    }

    private static void ThrowIfNoSeq(long seq, string argument)
    {
        if (seq is < 0 or > MutableRecord.MaxSeq) throw new ArgumentOutOfRangeException(argument, seq, "A sequence number is 0 to 2^53 - 1.");
    }

    private static void ThrowIfNobodyAnswered(DhtQueryResult result)
    {
        if (result.Successes == 0) throw new DhtException(DhtError.TooFewNodes, "No node answered, so whether the value exists is not known.");
    }
}
