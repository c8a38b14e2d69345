namespace PeopleSwarm.Dht.Messages;

/// <summary>The value of ANNOUNCE and UNANNOUNCE (spec hyperdht, 3.7). Refresh and signature are borrowed from the datagram.</summary>
internal readonly ref struct AnnounceMessage
{
    public const int SignatureSize = 64;

    private const long PeerFlag = 1, RefreshFlag = 2, SignatureFlag = 4, BumpFlag = 8;

    /// <summary>Null in a message that only refreshes.</summary>
    public PeerRecord? Peer { get; init; }

    /// <summary>32 bytes, or empty for none.</summary>
    public ReadOnlySpan<byte> Refresh { get; init; }

    /// <summary>64 bytes, or empty for none.</summary>
    public ReadOnlySpan<byte> Signature { get; init; }

    /// <summary>Unix milliseconds; 0 for none.</summary>
    public long Bump { get; init; }

    public static bool TryRead(ReadOnlySpan<byte> value, out AnnounceMessage message)
    {
        message = default;
        var reader = new CompactReader(value);
        if (!reader.TryReadUInt(out long flags)) return false;
        PeerRecord? peer = null;
        if ((flags & PeerFlag) != 0)
        {
            if (!PeerRecordCodec.TryRead(ref reader, out var record)) return false;
            peer = record;
        }
        ReadOnlySpan<byte> refresh = default, signature = default;
        if ((flags & RefreshFlag) != 0 && !reader.TryReadFixed32(out refresh)) return false;
        if ((flags & SignatureFlag) != 0 && !reader.TryReadFixed64(out signature)) return false;
        long bump = 0;
        if ((flags & BumpFlag) != 0 && !reader.TryReadUInt(out bump)) return false;
        message = new() { Peer = peer, Refresh = refresh, Signature = signature, Bump = bump };
        return true;
    }

    public byte[] Encode()
    {
        var bytes = new byte[1 + (Peer is null ? 0 : PeerRecordCodec.SizeOf(Peer)) + Refresh.Length + Signature.Length
            + (Bump == 0 ? 0 : CompactWriter.SizeOfUInt(Bump))];
        var writer = new CompactWriter(bytes);
        writer.WriteUInt((Peer is null ? 0 : PeerFlag) | (Refresh.IsEmpty ? 0 : RefreshFlag)
            | (Signature.IsEmpty ? 0 : SignatureFlag) | (Bump == 0 ? 0 : BumpFlag));
        if (Peer is not null) PeerRecordCodec.Write(ref writer, Peer);
        writer.WriteBytes(Refresh);
        writer.WriteBytes(Signature);
        if (Bump != 0) writer.WriteUInt(Bump);
        return bytes;
    }
}
