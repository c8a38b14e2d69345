namespace PeopleSwarm.Dht.Messages;

/// <summary>
/// What requests and responses begin with (spec dht-rpc, 3): kind, flags, transaction id, address, and where flagged the sender's id and a token.
/// </summary>
internal ref struct RpcHeader
{
    /// <summary>Bytes without id and token.</summary>
    public const int FixedSize = 1 + 1 + 2 + AddressArray.ItemSize;

    private const int HasIdFlag = 1, HasTokenFlag = 2;

    public byte Kind { get; init; }

    /// <summary>The message's own flags; those of id and token follow from the members.</summary>
    public int Flags { get; init; }

    public ushort Tid { get; init; }

    public UdpEndPoint To { get; init; }

    public NodeId? Id { get; init; }

    /// <summary>32 bytes, or empty for none; borrowed.</summary>
    public ReadOnlySpan<byte> Token { get; init; }

    /// <summary>Reads a header of the given kind; false if it is anything else. Unknown flags are kept.</summary>
    public static bool TryRead(scoped ref CompactReader reader, byte kind, out RpcHeader header)
    {
        header = default;
        if (!reader.TryReadByte(out byte read) || read != kind || !reader.TryReadUInt(out long flags) || !reader.TryReadUInt16(out ushort tid)
            || !reader.TryReadIPv4Address(out var to)) return false;
        NodeId id = default;
        ReadOnlySpan<byte> token = default;
        if ((flags & HasIdFlag) != 0 && !reader.TryReadNodeId(out id)) return false;
        if ((flags & HasTokenFlag) != 0 && !reader.TryReadFixed32(out token)) return false;
        header = new() { Kind = kind, Flags = (int)(flags & int.MaxValue), Tid = tid, To = to, Id = (flags & HasIdFlag) != 0 ? id : null, Token = token };
        return true;
    }

    public readonly void Write(ref CompactWriter writer)
    {
        writer.WriteByte(Kind);
        writer.WriteByte((byte)(Flags | (Id is null ? 0 : HasIdFlag) | (Token.IsEmpty ? 0 : HasTokenFlag)));
        writer.WriteUInt16(Tid);
        writer.WriteIPv4Address(To);
        if (Id is { } id) writer.WriteNodeId(id);
        writer.WriteBytes(Token);
    }
}
