namespace PeopleSwarm.Dht.Messages;

/// <summary>Makes and checks what the owner of a mutable value signs (spec hyperdht, 2): its sequence number and its bytes.</summary>
internal sealed class MutableSigner(ICryptoSuite crypto, PeerNamespaces namespaces)
{
    public const int SignableSize = 64;

    private const int MaxDigestInput = 2048;

    public bool Verify(in PublicKey key, in MutableRecordMessage record)
    {
        if (record.Signature.Length != MutableRecordMessage.SignatureSize) return false;
        Span<byte> signable = stackalloc byte[SignableSize];
        WriteSignable(signable, record.Seq, record.Value);
        return crypto.Verify(key, signable, record.Signature);
    }

    /// <summary>namespace || hash(seq || length and value).</summary>
    public void WriteSignable(Span<byte> signable, long seq, ReadOnlySpan<byte> value)
    {
        int size = CompactWriter.SizeOfUInt(seq) + CompactWriter.SizeOfBuffer(value.Length);
        Span<byte> input = size <= MaxDigestInput ? stackalloc byte[MaxDigestInput] : new byte[size];
        var writer = new CompactWriter(input);
        writer.WriteUInt(seq);
        writer.WriteBuffer(value);
        namespaces.MutablePut.CopyTo(signable);
        crypto.Hash(writer.Written, signable[32..]);
    }
}
