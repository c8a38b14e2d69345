namespace PeopleSwarm.Dht.Connect;

/// <summary>Kinds of IPv4 addresses (RFC 6890), as far as connecting needs them. Nothing on this wire is IPv6: those count as reserved.</summary>
internal static class AddressRanges
{
    /// <summary>Private, shared, loopback or link-local: meaningful within a network only.</summary>
    public static bool IsPrivate(in UdpEndPoint address)
    {
        if (!address.IsIPv4) return false;
        uint ip = address.IPv4;
        return IsIn(ip, 10, 0, 8) || IsIn(ip, 100, 64, 10) || IsIn(ip, 127, 0, 8) || IsIn(ip, 169, 254, 16)
            || IsIn(ip, 172, 16, 12) || IsIn(ip, 192, 168, 16);
    }

    /// <summary>Nobody's: this network, documentation, benchmarks, multicast, future use.</summary>
    public static bool IsReserved(in UdpEndPoint address)
    {
        if (!address.IsIPv4) return true;
        uint ip = address.IPv4;
        return IsIn(ip, 0, 0, 8) || ip >> 8 == 0xC00000 || ip >> 8 == 0xC00002 || IsIn(ip, 198, 18, 15) || ip >> 8 == 0xC63364
            || ip >> 8 == 0xCB0071 || ip >= 0xE0000000;
    }

    /// <summary>Not an address of the public internet.</summary>
    public static bool IsBogon(in UdpEndPoint address) => IsPrivate(address) || IsReserved(address);

    /// <summary>
    /// The remote address that looks closest to one of our own (spec hyperdht, 8.4): equal in three octets, else in two, else in
    /// one; null if none.
    /// </summary>
    public static UdpEndPoint? Match(IReadOnlyList<UdpEndPoint> own, IReadOnlyList<UdpEndPoint> remote)
    {
        UdpEndPoint? best = null;
        int bestSegments = 1;
        foreach (var local in own)
        {
            foreach (var candidate in remote)
            {
                if (!local.IsIPv4 || !candidate.IsIPv4) continue;
                uint difference = local.IPv4 ^ candidate.IPv4;
                int segments = difference >> 8 == 0 ? 4 : difference >> 16 == 0 ? 3 : difference >> 24 == 0 ? 2 : 1;
                if (segments == 4) return candidate;
                if (segments > bestSegments) (best, bestSegments) = (candidate, segments);
            }
        }
        return best;
    }

    private static bool IsIn(uint ip, byte first, byte second, int bits) =>
        (ip ^ ((uint)first << 24 | (uint)second << 16)) >> (32 - bits) == 0;
}
