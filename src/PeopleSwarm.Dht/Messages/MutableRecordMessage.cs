namespace PeopleSwarm.Dht.Messages;

/// <summary>A mutable value as MUTABLE_GET answers it (spec hyperdht, 3.8); spans are borrowed.</summary>
internal readonly ref struct MutableRecordMessage
{
    public const int SignatureSize = 64;

    public long Seq { get; init; }

    public ReadOnlySpan<byte> Value { get; init; }

    /// <summary>64 bytes.</summary>
    public ReadOnlySpan<byte> Signature { get; init; }

    public int Size => CompactWriter.SizeOfUInt(Seq) + CompactWriter.SizeOfBuffer(Value.Length) + SignatureSize;

    public static bool TryRead(ReadOnlySpan<byte> bytes, out MutableRecordMessage message)
    {
        var reader = new CompactReader(bytes);
        return TryRead(ref reader, out message);
    }

    public static bool TryRead(scoped ref CompactReader reader, out MutableRecordMessage message)
    {
        message = default;
        if (!reader.TryReadUInt(out long seq) || !reader.TryReadBuffer(out var value) || !reader.TryReadFixed64(out var signature)) return false;
        message = new() { Seq = seq, Value = value, Signature = signature };
        return true;
    }

    public void Write(ref CompactWriter writer)
    {
        writer.WriteUInt(Seq);
        writer.WriteBuffer(Value);
        writer.WriteBytes(Signature);
    }

    public byte[] Encode()
    {
        var bytes = new byte[Size];
        var writer = new CompactWriter(bytes);
        Write(ref writer);
        return bytes;
    }
}
