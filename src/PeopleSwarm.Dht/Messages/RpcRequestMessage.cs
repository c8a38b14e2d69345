namespace PeopleSwarm.Dht.Messages;

/// <summary>A request datagram (spec dht-rpc, 4); spans are borrowed.</summary>
internal ref struct RpcRequestMessage
{
    public const byte Header = 0x03;

    private const int IsInternalFlag = 4, HasTargetFlag = 8, HasValueFlag = 16;

    public ushort Tid { get; init; }

    /// <summary>The address the datagram is sent to: what the receiver is to the sender.</summary>
    public UdpEndPoint To { get; init; }

    /// <summary>The sender's id as claimed.</summary>
    public NodeId? Id { get; init; }

    /// <summary>32 bytes, or empty for none.</summary>
    public ReadOnlySpan<byte> Token { get; init; }

    public bool IsInternal { get; init; }

    /// <summary>Numbers above 2^31 - 1 read as that: nobody serves them.</summary>
    public int Command { get; init; }

    public NodeId? Target { get; init; }

    public bool HasValue { get; init; }

    /// <summary>May be empty although <see cref="HasValue"/>.</summary>
    public ReadOnlySpan<byte> Value { get; init; }

    /// <summary>Bytes of the encoded datagram.</summary>
    public readonly int Size => RpcHeader.FixedSize + (Id is null ? 0 : NodeId.Size) + Token.Length + CompactWriter.SizeOfUInt(Command)
        + (Target is null ? 0 : NodeId.Size) + (HasValue ? CompactWriter.SizeOfBuffer(Value.Length) : 0);

    /// <summary>Reads a request; false if it is anything else. Unknown flags and trailing bytes are ignored.</summary>
    public static bool TryRead(ReadOnlySpan<byte> datagram, out RpcRequestMessage message)
    {
        message = default;
        var reader = new CompactReader(datagram);
        if (!RpcHeader.TryRead(ref reader, Header, out var header)) return false;
        int flags = header.Flags;
        NodeId target = default;
        ReadOnlySpan<byte> value = default;
        if (!reader.TryReadUInt(out long command)) return false;
        if ((flags & HasTargetFlag) != 0 && !reader.TryReadNodeId(out target)) return false;
        if ((flags & HasValueFlag) != 0 && !reader.TryReadBuffer(out value)) return false;
        message = new()
        {
            Tid = header.Tid,
            To = header.To,
            Id = header.Id,
            Token = header.Token,
            IsInternal = (flags & IsInternalFlag) != 0,
            Command = (int)Math.Min(command, int.MaxValue),
            Target = (flags & HasTargetFlag) != 0 ? target : null,
            HasValue = (flags & HasValueFlag) != 0,
            Value = value,
        };
        return true;
    }

    /// <summary>Writes <see cref="Size"/> bytes.</summary>
    public readonly void Write(Span<byte> destination)
    {
        var writer = new CompactWriter(destination);
        new RpcHeader
        {
            Kind = Header,
            Flags = (IsInternal ? IsInternalFlag : 0) | (Target is null ? 0 : HasTargetFlag) | (HasValue ? HasValueFlag : 0),
            Tid = Tid,
            To = To,
            Id = Id,
            Token = Token,
        }.Write(ref writer);
        writer.WriteUInt(Command);
        if (Target is { } target) writer.WriteNodeId(target);
        if (HasValue) writer.WriteBuffer(Value);
    }
}
