namespace PeopleSwarm.Dht.Messages;

/// <summary>The wire form of <see cref="PeerRecord"/> (spec hyperdht, 3.5).</summary>
internal static class PeerRecordCodec
{
    /// <summary>The smallest record: a key without relays.</summary>
    public const int MinSize = PublicKey.Size + 1;

    public static int SizeOf(PeerRecord record) => PublicKey.Size + CompactWriter.SizeOfAddresses(record.RelayAddresses.Count);

    public static bool TryRead(ref CompactReader reader, out PeerRecord record)
    {
        record = s_empty;
        if (!reader.TryReadPublicKey(out var key) || !reader.TryReadArrayOfAddresses(out var relays)) return false;
        record = new(key, relays.ToArray());
        return true;
    }

    public static bool TryRead(ReadOnlySpan<byte> value, out PeerRecord record)
    {
        var reader = new CompactReader(value);
        return TryRead(ref reader, out record);
    }

    public static void Write(ref CompactWriter writer, PeerRecord record)
    {
        writer.WritePublicKey(record.PublicKey);
        writer.WriteArrayOfAddresses(record.RelayAddresses);
    }

    public static byte[] Encode(PeerRecord record)
    {
        var bytes = new byte[SizeOf(record)];
        var writer = new CompactWriter(bytes);
        Write(ref writer, record);
        return bytes;
    }

    private static readonly PeerRecord s_empty = new(default, []);
}
