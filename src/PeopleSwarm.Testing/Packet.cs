namespace PeopleSwarm.Testing;

/// <summary>A datagram under way; routers replace its addresses. A forged one has no origin. One that may be cut passes any MTU, whole.</summary>
internal sealed record Packet(byte[] Data, UdpEndPoint From, UdpEndPoint To, int Ttl, SimulatedHost? Origin, bool MayFragment = false)
{
    public int WireSize => Data.Length + LinkOptions.HeaderSize;
}

/// <summary>Sees a datagram as it leaves its host, borrowed until the call returns.</summary>
public delegate void DatagramTap(UdpEndPoint from, UdpEndPoint to, ReadOnlySpan<byte> datagram);

/// <summary>Why a datagram did not arrive.</summary>
public enum DropReason
{
    /// <summary>The link lost it.</summary>
    Lost,

    /// <summary>It did not fit into the link's queue.</summary>
    QueueFull,

    /// <summary>It was larger than the link's MTU.</summary>
    TooLarge,

    /// <summary>Its hops were used up.</summary>
    HopLimit,

    /// <summary>No host or NAT has that address.</summary>
    NoRoute,

    /// <summary>No socket is bound to that port.</summary>
    NoSocket,

    /// <summary>A NAT had no mapping for it, or filtered it.</summary>
    Filtered,

    /// <summary>The network is cut between the two.</summary>
    Partitioned,

    /// <summary>The host sleeps, or its interface is down.</summary>
    HostDown,
}
