using PeopleSwarm.Dht.Messages;

namespace PeopleSwarm.Dht.HolePunch;

/// <summary>How two NATs are punched (spec hyperdht, 9.7).</summary>
internal enum PunchStrategy
{
    /// <summary>Not with these NATs, or not before the peer's host is verified.</summary>
    Impossible,

    /// <summary>Both keep one port for all destinations: probe the addresses told.</summary>
    Consistent,

    /// <summary>The peer's port is anybody's guess: probe random ports of its host.</summary>
    RandomPorts,

    /// <summary>Our port is anybody's guess: probe from many sockets, so that one is guessed.</summary>
    BirthdaySockets,
}

/// <summary>An address the peer told us, and whether its host was proved.</summary>
internal readonly record struct RemoteAddress(UdpEndPoint Address, bool IsVerified);

/// <summary>The choice of a strategy; a pure function.</summary>
internal static class PunchPlan
{
    public static PunchStrategy Choose(PeerFirewallState local, PeerFirewallState remote, IReadOnlyList<RemoteAddress> addresses)
    {
        bool isLocalConsistent = IsConsistent(local), isRemoteConsistent = IsConsistent(remote);
        if (addresses.Count == 0) return PunchStrategy.Impossible;
        if (isLocalConsistent && isRemoteConsistent) return PunchStrategy.Consistent;
        if (Verified(addresses) is not { } verified) return PunchStrategy.Impossible;
        if (isLocalConsistent && remote >= PeerFirewallState.Random) return PunchStrategy.RandomPorts;
        if (local >= PeerFirewallState.Random && isRemoteConsistent && verified.Port != 0) return PunchStrategy.BirthdaySockets;
        return PunchStrategy.Impossible;
    }

    /// <summary>The first address whose host was proved.</summary>
    public static UdpEndPoint? Verified(IReadOnlyList<RemoteAddress> addresses)
    {
        foreach (var address in addresses)
            if (address.IsVerified) return address.Address;
        return null;
    }

    private static bool IsConsistent(PeerFirewallState firewall) => firewall is PeerFirewallState.Consistent or PeerFirewallState.Open;
}
