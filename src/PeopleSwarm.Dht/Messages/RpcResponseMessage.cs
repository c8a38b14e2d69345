namespace PeopleSwarm.Dht.Messages;

/// <summary>A response datagram as read (spec dht-rpc, 5); spans are borrowed.</summary>
internal readonly ref struct RpcResponseMessage
{
    public const byte Header = 0x13;

    private const int HasCloserNodesFlag = 4, HasErrorFlag = 8, HasValueFlag = 16;

    public ushort Tid { get; init; }

    /// <summary>The address the response is sent to: what the receiver is to the sender.</summary>
    public UdpEndPoint To { get; init; }

    /// <summary>The sender's id as claimed.</summary>
    public NodeId? Id { get; init; }

    /// <summary>32 bytes, or empty for none.</summary>
    public ReadOnlySpan<byte> Token { get; init; }

    public AddressArray CloserNodes { get; init; }

    /// <summary>0 where the datagram has none; above 2^31 - 1 reads as that.</summary>
    public int Error { get; init; }

    public bool HasValue { get; init; }

    /// <summary>May be empty although <see cref="HasValue"/>.</summary>
    public ReadOnlySpan<byte> Value { get; init; }

    /// <summary>Bytes a response takes.</summary>
    public static int SizeOf(bool hasId, bool hasToken, int closerNodes, int error, int? valueLength) =>
        RpcHeader.FixedSize + (hasId ? NodeId.Size : 0) + (hasToken ? 32 : 0) + (closerNodes == 0 ? 0 : CompactWriter.SizeOfAddresses(closerNodes))
        + (error == 0 ? 0 : CompactWriter.SizeOfUInt(error)) + (valueLength is { } length ? CompactWriter.SizeOfBuffer(length) : 0);

    /// <summary>Reads a response; false if it is anything else. Unknown flags and trailing bytes are ignored.</summary>
    public static bool TryRead(ReadOnlySpan<byte> datagram, out RpcResponseMessage message)
    {
        message = default;
        var reader = new CompactReader(datagram);
        if (!RpcHeader.TryRead(ref reader, Header, out var header)) return false;
        int flags = header.Flags;
        ReadOnlySpan<byte> value = default;
        AddressArray closerNodes = default;
        long error = 0;
        if ((flags & HasCloserNodesFlag) != 0 && !reader.TryReadArrayOfAddresses(out closerNodes)) return false;
        if ((flags & HasErrorFlag) != 0 && !reader.TryReadUInt(out error)) return false;
        if ((flags & HasValueFlag) != 0 && !reader.TryReadBuffer(out value)) return false;
        message = new()
        {
            Tid = header.Tid,
            To = header.To,
            Id = header.Id,
            Token = header.Token,
            CloserNodes = closerNodes,
            Error = (int)Math.Min(error, int.MaxValue),
            HasValue = (flags & HasValueFlag) != 0,
            Value = value,
        };
        return true;
    }

    /// <summary>Writes this response with <paramref name="closerNodes"/> in place of its own; returns the bytes written.</summary>
    public int Write(Span<byte> destination, ReadOnlySpan<UdpEndPoint> closerNodes)
    {
        var writer = new CompactWriter(destination);
        new RpcHeader
        {
            Kind = Header,
            Flags = (closerNodes.IsEmpty ? 0 : HasCloserNodesFlag) | (Error == 0 ? 0 : HasErrorFlag) | (HasValue ? HasValueFlag : 0),
            Tid = Tid,
            To = To,
            Id = Id,
            Token = Token,
        }.Write(ref writer);
        if (!closerNodes.IsEmpty) writer.WriteArrayOfAddresses(closerNodes);
        if (Error != 0) writer.WriteUInt(Error);
        if (HasValue) writer.WriteBuffer(Value);
        return writer.Length;
    }
}
