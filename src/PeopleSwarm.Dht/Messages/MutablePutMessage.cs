namespace PeopleSwarm.Dht.Messages;

/// <summary>The value of MUTABLE_PUT (spec hyperdht, 3.8): whose record, and the record.</summary>
internal readonly ref struct MutablePutMessage
{
    public PublicKey PublicKey { get; init; }

    public MutableRecordMessage Record { get; init; }

    public static bool TryRead(ReadOnlySpan<byte> value, out MutablePutMessage message)
    {
        message = default;
        var reader = new CompactReader(value);
        if (!reader.TryReadPublicKey(out var key) || !MutableRecordMessage.TryRead(ref reader, out var record)) return false;
        message = new() { PublicKey = key, Record = record };
        return true;
    }

    public byte[] Encode()
    {
        var bytes = new byte[PublicKey.Size + Record.Size];
        var writer = new CompactWriter(bytes);
        writer.WritePublicKey(PublicKey);
        Record.Write(ref writer);
        return bytes;
    }
}
