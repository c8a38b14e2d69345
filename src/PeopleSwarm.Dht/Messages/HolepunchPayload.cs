namespace PeopleSwarm.Dht.Messages;

/// <summary>What both sides tell each other in a punch round, sealed on the wire (spec hyperdht, 3.4).</summary>
internal sealed record HolepunchPayload
{
    private const long ConnectedFlag = 1, PunchingFlag = 2, AddressesFlag = 4, RemoteAddressFlag = 8, TokenFlag = 16, RemoteTokenFlag = 32;

    public PeerErrorCode Error { get; init; }
    public PeerFirewallState Firewall { get; init; }
    public long Round { get; init; }
    public bool IsConnected { get; init; }
    public bool IsPunching { get; init; }

    /// <summary>Our addresses as relays see them; a random NAT lists its host with port 0. Null and empty differ on the wire.</summary>
    public IReadOnlyList<UdpEndPoint>? Addresses { get; init; }

    /// <summary>Where the sender believes the receiver is.</summary>
    public UdpEndPoint? RemoteAddress { get; init; }

    /// <summary>Proves the receiver's host when it comes back.</summary>
    public Topic? Token { get; init; }

    /// <summary>The receiver's own token, brought back.</summary>
    public Topic? RemoteToken { get; init; }

    public static bool TryRead(ReadOnlySpan<byte> bytes, out HolepunchPayload payload)
    {
        payload = new();
        var reader = new CompactReader(bytes);
        if (!reader.TryReadUInt(out long flags) || !reader.TryReadUInt(out long error)
            || !reader.TryReadUInt(out long firewall) || !reader.TryReadUInt(out long round)) return false;
        AddressArray addresses = default;
        UdpEndPoint remote = default;
        ReadOnlySpan<byte> token = default, remoteToken = default;
        bool ok = (!Has(AddressesFlag) || reader.TryReadArrayOfAddresses(out addresses))
            && (!Has(RemoteAddressFlag) || reader.TryReadIPv4Address(out remote))
            && (!Has(TokenFlag) || reader.TryReadFixed32(out token))
            && (!Has(RemoteTokenFlag) || reader.TryReadFixed32(out remoteToken));
        if (!ok) return false;
        payload = new()
        {
            Error = (PeerErrorCode)Math.Min(error, int.MaxValue),
            Firewall = (PeerFirewallState)Math.Min(firewall, int.MaxValue),
            Round = round,
            IsConnected = Has(ConnectedFlag),
            IsPunching = Has(PunchingFlag),
            Addresses = Has(AddressesFlag) ? addresses.ToArray() : null,
            RemoteAddress = Has(RemoteAddressFlag) ? remote : null,
            Token = Has(TokenFlag) ? new(token) : null,
            RemoteToken = Has(RemoteTokenFlag) ? new(remoteToken) : null,
        };
        return true;

        bool Has(long flag) => (flags & flag) != 0;
    }

    public byte[] Encode()
    {
        int size = 1 + CompactWriter.SizeOfUInt((long)Error) + CompactWriter.SizeOfUInt((long)Firewall) + CompactWriter.SizeOfUInt(Round)
            + (Addresses is null ? 0 : CompactWriter.SizeOfAddresses(Addresses.Count)) + (RemoteAddress is null ? 0 : AddressArray.ItemSize)
            + (Token is null ? 0 : Topic.Size) + (RemoteToken is null ? 0 : Topic.Size);
        var bytes = new byte[size];
        var writer = new CompactWriter(bytes);
        writer.WriteUInt((IsConnected ? ConnectedFlag : 0) | (IsPunching ? PunchingFlag : 0) | (Addresses is null ? 0 : AddressesFlag)
            | (RemoteAddress is null ? 0 : RemoteAddressFlag) | (Token is null ? 0 : TokenFlag) | (RemoteToken is null ? 0 : RemoteTokenFlag));
        writer.WriteUInt((long)Error);
        writer.WriteUInt((long)Firewall);
        writer.WriteUInt(Round);
        if (Addresses is not null) writer.WriteArrayOfAddresses(Addresses);
        if (RemoteAddress is { } remote) writer.WriteIPv4Address(remote);
        if (Token is { } token) writer.WriteBytes(token.ToArray());
        if (RemoteToken is { } remoteToken) writer.WriteBytes(remoteToken.ToArray());
        return bytes;
    }
}
