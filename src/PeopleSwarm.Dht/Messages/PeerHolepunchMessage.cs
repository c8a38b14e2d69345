namespace PeopleSwarm.Dht.Messages;

/// <summary>The value of PEER_HOLEPUNCH (spec hyperdht, 3.2): a sealed punch round on its way. Borrowed from the datagram it was read from.</summary>
internal readonly ref struct PeerHolepunchMessage(RoutingMode mode, long id, ReadOnlySpan<byte> payload, UdpEndPoint? peerAddress = null)
{
    private const long PeerAddressFlag = 1;

    public RoutingMode Mode { get; } = mode;

    /// <summary>The server's session; 0 is one too.</summary>
    public long Id { get; } = id;

    public ReadOnlySpan<byte> Payload { get; } = payload;

    public UdpEndPoint? PeerAddress { get; } = peerAddress;

    public static bool TryRead(ReadOnlySpan<byte> value, out PeerHolepunchMessage message)
    {
        message = default;
        var reader = new CompactReader(value);
        if (!reader.TryReadUInt(out long flags) || !reader.TryReadUInt(out long mode) || !reader.TryReadUInt(out long id)) return false;
        if (!reader.TryReadBuffer(out var payload)) return false;
        if (!RoutedAddress.TryRead(ref reader, (flags & PeerAddressFlag) != 0, out var peerAddress)) return false;
        if (mode > (long)RoutingMode.Reply) return false;
        message = new((RoutingMode)mode, id, payload, peerAddress);
        return true;
    }

    public byte[] Encode()
    {
        var bytes = new byte[2 + CompactWriter.SizeOfUInt(Id) + CompactWriter.SizeOfBuffer(Payload.Length) + RoutedAddress.SizeOf(PeerAddress)];
        var writer = new CompactWriter(bytes);
        writer.WriteUInt(PeerAddress is null ? 0 : PeerAddressFlag);
        writer.WriteUInt((long)Mode);
        writer.WriteUInt(Id);
        writer.WriteBuffer(Payload);
        if (PeerAddress is { } peer) writer.WriteIPv4Address(peer);
        return bytes;
    }
}
