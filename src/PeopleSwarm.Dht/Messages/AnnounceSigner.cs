namespace PeopleSwarm.Dht.Messages;

/// <summary>
/// Makes and checks the signatures of announcements (spec hyperdht, 2). One is bound to the storing node's id and the token
/// it gave, so each storing node gets its own.
/// </summary>
internal sealed class AnnounceSigner(ICryptoSuite crypto, PeerNamespaces namespaces)
{
    private const int SignableSize = 64, MaxDigestInput = 2048;

    /// <summary>The encoded, signed value of an ANNOUNCE.</summary>
    public byte[] SignAnnounce(KeyPair keyPair, in NodeId target, in NodeId storingNode, ReadOnlySpan<byte> token, PeerRecord record, long bump = 0) =>
        Sign(namespaces.Announce, keyPair, target, storingNode, token, record, bump);

    /// <summary>The encoded, signed value of an UNANNOUNCE; its record lists no relays.</summary>
    public byte[] SignUnannounce(KeyPair keyPair, in NodeId target, in NodeId storingNode, ReadOnlySpan<byte> token) =>
        Sign(namespaces.Unannounce, keyPair, target, storingNode, token, new(keyPair.PublicKey, []), 0);

    /// <summary>What somebody else has to sign for one storing node.</summary>
    public SignatureRequest Request(SignaturePurpose purpose, in NodeId target, in NodeId storingNode, ReadOnlyMemory<byte> token, PeerRecord record)
    {
        var signable = new byte[SignableSize];
        var space = purpose == SignaturePurpose.Announce ? namespaces.Announce : namespaces.Unannounce;
        WriteSignable(signable, space, target, storingNode, token.Span, record, refresh: default);
        return new(purpose, record.PublicKey, signable, target) { StoringNode = storingNode, Token = token, Record = record };
    }

    public bool VerifyAnnounce(in NodeId target, in NodeId storingNode, ReadOnlySpan<byte> token, in AnnounceMessage message) =>
        Verify(namespaces.Announce, target, storingNode, token, message);

    public bool VerifyUnannounce(in NodeId target, in NodeId storingNode, ReadOnlySpan<byte> token, in AnnounceMessage message) =>
        Verify(namespaces.Unannounce, target, storingNode, token, message);

    private byte[] Sign(byte[] space, KeyPair keyPair, in NodeId target, in NodeId storingNode, ReadOnlySpan<byte> token, PeerRecord record, long bump)
    {
        Span<byte> signable = stackalloc byte[SignableSize];
        WriteSignable(signable, space, target, storingNode, token, record, refresh: default);
        Span<byte> signature = stackalloc byte[AnnounceMessage.SignatureSize];
        crypto.Sign(keyPair, signable, signature);
        return new AnnounceMessage { Peer = record, Signature = signature, Bump = bump }.Encode();
    }

    private bool Verify(byte[] space, in NodeId target, in NodeId storingNode, ReadOnlySpan<byte> token, in AnnounceMessage message)
    {
        if (message.Peer is null || message.Signature.IsEmpty) return false;
        Span<byte> signable = stackalloc byte[SignableSize];
        WriteSignable(signable, space, target, storingNode, token, message.Peer, message.Refresh);
        return crypto.Verify(message.Peer.PublicKey, signable, message.Signature);
    }

    /// <summary>namespace || hash(target || id of the storing node || token || record || refresh).</summary>
    private void WriteSignable(Span<byte> signable, byte[] space, in NodeId target, in NodeId storingNode, ReadOnlySpan<byte> token,
        PeerRecord record, ReadOnlySpan<byte> refresh)
    {
        int size = 2 * NodeId.Size + token.Length + PeerRecordCodec.SizeOf(record) + refresh.Length;
        Span<byte> input = size <= MaxDigestInput ? stackalloc byte[MaxDigestInput] : new byte[size];
        var writer = new CompactWriter(input);
        writer.WriteNodeId(target);
        writer.WriteNodeId(storingNode);
        writer.WriteBytes(token);
        PeerRecordCodec.Write(ref writer, record);
        writer.WriteBytes(refresh);
        space.CopyTo(signable);
        crypto.Hash(writer.Written, signable[32..]);
    }
}
