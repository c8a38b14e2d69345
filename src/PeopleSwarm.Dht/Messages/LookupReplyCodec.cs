namespace PeopleSwarm.Dht.Messages;

/// <summary>The value of a LOOKUP answer (spec hyperdht, 3.6): records one after the other, then the bump.</summary>
internal static class LookupReplyCodec
{
    /// <summary>Encodes records as they are stored.</summary>
    public static byte[] Encode(IReadOnlyList<byte[]> records, long bump)
    {
        int size = CompactWriter.SizeOfUInt(records.Count) + CompactWriter.SizeOfUInt(bump);
        foreach (var record in records) size += record.Length;
        var bytes = new byte[size];
        var writer = new CompactWriter(bytes);
        writer.WriteUInt(records.Count);
        foreach (var record in records) writer.WriteBytes(record);
        writer.WriteUInt(bump);
        return bytes;
    }

    /// <summary>Reads an answer; older nodes leave the bump out.</summary>
    public static bool TryRead(ReadOnlySpan<byte> value, out PeerRecord[] peers, out long bump)
    {
        (peers, bump) = ([], 0);
        var reader = new CompactReader(value);
        if (!reader.TryReadCount(PeerRecordCodec.MinSize, out int count)) return false;
        peers = new PeerRecord[count];
        for (int i = 0; i < count; i++)
            if (!PeerRecordCodec.TryRead(ref reader, out peers[i])) return false;
        return reader.Rest.IsEmpty || reader.TryReadUInt(out bump);
    }
}
