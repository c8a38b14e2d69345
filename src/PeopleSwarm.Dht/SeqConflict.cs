using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Dht.Rpc;

namespace PeopleSwarm.Dht;

/// <summary>
/// Watches the walk of a mutable put for records that stand against it: nodes that have not seen them would take the older value,
/// and readers would find both. On the loop.
/// </summary>
internal sealed class SeqConflict(MutableSigner signer, PublicKey key, long seq, byte[] value)
{
    /// <summary>Why the put is not made; null if nothing is against it.</summary>
    public DhtException? Error { get; private set; }

    public IRpcQueryObserver Watch(IRpcQueryObserver inner) => new Observer(this, inner);

    public static DhtException Reused(long seq, Exception? cause = null) =>
        new(DhtError.SeqReused, $"Sequence number {seq} is taken by another value; use a higher one.", cause) { RemoteError = RecordErrors.SeqReused };

    private void Check(RpcResponse reply)
    {
        if (Error is not null || reply.Value is not { } bytes || !MutableRecordMessage.TryRead(bytes.Span, out var found)) return;
        if (found.Seq < seq || (found.Seq == seq && found.Value.SequenceEqual(value)) || !signer.Verify(key, found)) return;
        Error = found.Seq == seq ? Reused(seq) : new(DhtError.SeqTooLow, $"Sequence number {seq} is too low: a value with {found.Seq} exists.");
    }

    private sealed class Observer(SeqConflict conflict, IRpcQueryObserver inner) : IRpcQueryObserver
    {
        public void OnReply(Timestamp now, RpcResponse reply)
        {
            conflict.Check(reply);
            inner.OnReply(now, reply);
        }

        public void OnFinished(Timestamp now, RpcQueryOutcome outcome) => inner.OnFinished(now, outcome);
    }
}
