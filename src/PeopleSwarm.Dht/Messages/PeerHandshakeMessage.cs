namespace PeopleSwarm.Dht.Messages;

/// <summary>The value of PEER_HANDSHAKE (spec hyperdht, 3.1): a Noise message on its way. Borrowed from the datagram it was read from.</summary>
internal readonly ref struct PeerHandshakeMessage(RoutingMode mode, ReadOnlySpan<byte> noise, UdpEndPoint? peerAddress = null,
    UdpEndPoint? relayAddress = null)
{
    private const long PeerAddressFlag = 1, RelayAddressFlag = 2;

    public RoutingMode Mode { get; } = mode;

    public ReadOnlySpan<byte> Noise { get; } = noise;

    /// <summary>The client on the way to the server, the server's address on the way back.</summary>
    public UdpEndPoint? PeerAddress { get; } = peerAddress;

    /// <summary>The relay the answer goes to, or from a client the relay to use.</summary>
    public UdpEndPoint? RelayAddress { get; } = relayAddress;

    public static bool TryRead(ReadOnlySpan<byte> value, out PeerHandshakeMessage message)
    {
        message = default;
        var reader = new CompactReader(value);
        if (!reader.TryReadUInt(out long flags) || !reader.TryReadUInt(out long mode) || !reader.TryReadBuffer(out var noise)) return false;
        if (!RoutedAddress.TryRead(ref reader, (flags & PeerAddressFlag) != 0, out var peerAddress)) return false;
        if (!RoutedAddress.TryRead(ref reader, (flags & RelayAddressFlag) != 0, out var relayAddress)) return false;
        if (mode > (long)RoutingMode.Reply) return false;
        message = new((RoutingMode)mode, noise, peerAddress, relayAddress);
        return true;
    }

    public byte[] Encode()
    {
        var bytes = new byte[2 + CompactWriter.SizeOfBuffer(Noise.Length) + RoutedAddress.SizeOf(PeerAddress) + RoutedAddress.SizeOf(RelayAddress)];
        var writer = new CompactWriter(bytes);
        writer.WriteUInt((PeerAddress is null ? 0 : PeerAddressFlag) | (RelayAddress is null ? 0 : RelayAddressFlag));
        writer.WriteUInt((long)Mode);
        writer.WriteBuffer(Noise);
        if (PeerAddress is { } peer) writer.WriteIPv4Address(peer);
        if (RelayAddress is { } relay) writer.WriteIPv4Address(relay);
        return bytes;
    }
}

/// <summary>The optional addresses of routed messages.</summary>
internal static class RoutedAddress
{
    public static int SizeOf(UdpEndPoint? address) => address is null ? 0 : AddressArray.ItemSize;

    public static bool TryRead(ref CompactReader reader, bool present, out UdpEndPoint? address)
    {
        address = null;
        if (!present) return true;
        bool ok = reader.TryReadIPv4Address(out var value);
        address = value;
        return ok;
    }
}
