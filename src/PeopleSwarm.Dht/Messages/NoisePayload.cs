namespace PeopleSwarm.Dht.Messages;

/// <summary>What a peer knows of its NAT (spec hyperdht, 1.2).</summary>
internal enum PeerFirewallState
{
    Unknown = 0,
    Open = 1,
    Consistent = 2,
    Random = 3,
}

/// <summary>Errors inside handshakes and punch rounds (spec hyperdht, 1.2).</summary>
internal enum PeerErrorCode
{
    None = 0,
    Aborted = 1,
    VersionMismatch = 2,
    TryLater = 3,
}

/// <summary>A relay of a server and the server's address as that relay sees it.</summary>
internal readonly record struct RelayInfo(UdpEndPoint RelayAddress, UdpEndPoint PeerAddress)
{
    public const int Size = 2 * AddressArray.ItemSize;
}

/// <summary>How a server is punched: its session and its relays.</summary>
internal sealed record HolepunchInfo(long Id, IReadOnlyList<RelayInfo> Relays);

/// <summary>The stream a peer opened for us.</summary>
internal sealed record UdxInfo(uint Id, bool ReusableSocket = false, long Seq = 0, long Version = 1);

/// <summary>A blind relay a peer wants to be reached through.</summary>
internal sealed record RelayThroughInfo(PublicKey PublicKey, Topic Token);

/// <summary>What both sides say inside the Noise messages of a handshake (spec hyperdht, 3.3).</summary>
internal sealed record NoisePayload
{
    public const long CurrentVersion = 1;

    private const long HolepunchFlag = 1, Addresses4Flag = 2, Addresses6Flag = 4, UdxFlag = 8, SecretStreamFlag = 16,
        RelayThroughFlag = 32, RelayAddressesFlag = 64, ReusableSocketFeature = 1;

    public long Version { get; init; } = CurrentVersion;
    public PeerErrorCode Error { get; init; }
    public PeerFirewallState Firewall { get; init; }
    public HolepunchInfo? Holepunch { get; init; }
    public IReadOnlyList<UdpEndPoint> Addresses4 { get; init; } = [];
    public IReadOnlyList<UdpEndPoint> Addresses6 { get; init; } = [];
    public UdxInfo? Udx { get; init; }

    /// <summary>The version of the secret stream; null where the peer has none.</summary>
    public long? SecretStreamVersion { get; init; }

    public RelayThroughInfo? RelayThrough { get; init; }

    /// <summary>Null and empty differ on the wire.</summary>
    public IReadOnlyList<UdpEndPoint>? RelayAddresses { get; init; }

    /// <summary>Reads a payload. Another version than 1 gives an empty payload with that version.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out NoisePayload payload)
    {
        payload = new();
        var reader = new CompactReader(bytes);
        if (!reader.TryReadUInt(out long version)) return false;
        if (version != CurrentVersion)
        {
            payload = payload with { Version = version };
            return true;
        }
        if (!reader.TryReadUInt(out long flags) || !reader.TryReadUInt(out long error) || !reader.TryReadUInt(out long firewall)) return false;
        HolepunchInfo? holepunch = null;
        UdxInfo? udx = null;
        long secretStream = 0;
        RelayThroughInfo? relayThrough = null;
        AddressArray addresses4 = default, relayAddresses = default;
        UdpEndPoint[] addresses6 = [];
        bool ok = (!Has(HolepunchFlag) || TryReadHolepunch(ref reader, out holepunch))
            && (!Has(Addresses4Flag) || reader.TryReadArrayOfAddresses(out addresses4))
            && (!Has(Addresses6Flag) || TryReadAddresses6(ref reader, out addresses6))
            && (!Has(UdxFlag) || TryReadUdx(ref reader, out udx))
            && (!Has(SecretStreamFlag) || reader.TryReadUInt(out secretStream))
            && (!Has(RelayThroughFlag) || TryReadRelayThrough(ref reader, out relayThrough))
            && (!Has(RelayAddressesFlag) || reader.TryReadArrayOfAddresses(out relayAddresses));
        if (!ok) return false;
        payload = new()
        {
            Error = (PeerErrorCode)Math.Min(error, int.MaxValue),
            Firewall = (PeerFirewallState)Math.Min(firewall, int.MaxValue),
            Holepunch = holepunch,
            Addresses4 = addresses4.ToArray(),
            Addresses6 = addresses6,
            Udx = udx,
            SecretStreamVersion = Has(SecretStreamFlag) ? secretStream : null,
            RelayThrough = relayThrough,
            RelayAddresses = Has(RelayAddressesFlag) ? relayAddresses.ToArray() : null,
        };
        return true;

        bool Has(long flag) => (flags & flag) != 0;
    }

    public byte[] Encode()
    {
        var bytes = new byte[GetEncodedSize()];
        var writer = new CompactWriter(bytes);
        writer.WriteUInt(CurrentVersion);
        writer.WriteUInt((Holepunch is null ? 0 : HolepunchFlag) | (Addresses4.Count == 0 ? 0 : Addresses4Flag)
            | (Addresses6.Count == 0 ? 0 : Addresses6Flag) | (Udx is null ? 0 : UdxFlag)
            | (SecretStreamVersion is null ? 0 : SecretStreamFlag) | (RelayThrough is null ? 0 : RelayThroughFlag)
            | (RelayAddresses is null ? 0 : RelayAddressesFlag));
        writer.WriteUInt((long)Error);
        writer.WriteUInt((long)Firewall);
        if (Holepunch is not null)
        {
            writer.WriteUInt(Holepunch.Id);
            writer.WriteUInt(Holepunch.Relays.Count);
            foreach (var relay in Holepunch.Relays)
            {
                writer.WriteIPv4Address(relay.RelayAddress);
                writer.WriteIPv4Address(relay.PeerAddress);
            }
        }
        if (Addresses4.Count != 0) writer.WriteArrayOfAddresses(Addresses4);
        if (Addresses6.Count != 0)
        {
            writer.WriteUInt(Addresses6.Count);
            foreach (var address in Addresses6) writer.WriteIPv6Address(address);
        }
        if (Udx is not null)
        {
            writer.WriteUInt(1);
            writer.WriteUInt(Udx.ReusableSocket ? ReusableSocketFeature : 0);
            writer.WriteUInt(Udx.Id);
            writer.WriteUInt(Udx.Seq);
        }
        if (SecretStreamVersion is { } secretStream) writer.WriteUInt(secretStream);
        if (RelayThrough is not null)
        {
            writer.WriteUInt(1);
            writer.WriteUInt(0);
            writer.WritePublicKey(RelayThrough.PublicKey);
            writer.WriteBytes(RelayThrough.Token.ToArray());
        }
        if (RelayAddresses is not null) writer.WriteArrayOfAddresses(RelayAddresses);
        return bytes;
    }

    private int GetEncodedSize()
    {
        int size = 2 + CompactWriter.SizeOfUInt((long)Error) + CompactWriter.SizeOfUInt((long)Firewall);
        if (Holepunch is not null)
            size += CompactWriter.SizeOfUInt(Holepunch.Id) + CompactWriter.SizeOfUInt(Holepunch.Relays.Count) + RelayInfo.Size * Holepunch.Relays.Count;
        if (Addresses4.Count != 0) size += CompactWriter.SizeOfAddresses(Addresses4.Count);
        if (Addresses6.Count != 0) size += CompactWriter.SizeOfUInt(Addresses6.Count) + 18 * Addresses6.Count;
        if (Udx is not null) size += 2 + CompactWriter.SizeOfUInt(Udx.Id) + CompactWriter.SizeOfUInt(Udx.Seq);
        if (SecretStreamVersion is { } secretStream) size += CompactWriter.SizeOfUInt(secretStream);
        if (RelayThrough is not null) size += 2 + PublicKey.Size + Topic.Size;
        if (RelayAddresses is not null) size += CompactWriter.SizeOfAddresses(RelayAddresses.Count);
        return size;
    }

    private static bool TryReadHolepunch(ref CompactReader reader, out HolepunchInfo? holepunch)
    {
        holepunch = null;
        if (!reader.TryReadUInt(out long id) || !reader.TryReadCount(RelayInfo.Size, out int count)) return false;
        var relays = new RelayInfo[count];
        for (int i = 0; i < count; i++)
        {
            if (!reader.TryReadIPv4Address(out var relay) || !reader.TryReadIPv4Address(out var peer)) return false;
            relays[i] = new(relay, peer);
        }
        holepunch = new(id, relays);
        return true;
    }

    private static bool TryReadAddresses6(ref CompactReader reader, out UdpEndPoint[] addresses)
    {
        addresses = [];
        if (!reader.TryReadCount(18, out int count)) return false;
        addresses = new UdpEndPoint[count];
        for (int i = 0; i < count; i++)
            if (!reader.TryReadIPv6Address(out addresses[i])) return false;
        return true;
    }

    private static bool TryReadUdx(ref CompactReader reader, out UdxInfo? udx)
    {
        udx = null;
        if (!reader.TryReadUInt(out long version) || !reader.TryReadUInt(out long features)) return false;
        if (!reader.TryReadUInt(out long id) || id > uint.MaxValue || !reader.TryReadUInt(out long seq)) return false;
        udx = new((uint)id, (features & ReusableSocketFeature) != 0, seq, version);
        return true;
    }

    private static bool TryReadRelayThrough(ref CompactReader reader, out RelayThroughInfo? relayThrough)
    {
        relayThrough = null;
        if (!reader.TryReadUInt(out _) || !reader.TryReadUInt(out _)) return false;
        if (!reader.TryReadPublicKey(out var key) || !reader.TryReadFixed32(out var token)) return false;
        relayThrough = new(key, new(token));
        return true;
    }
}
