using PeopleSwarm.Dht.Kademlia;
using PeopleSwarm.Dht.Nat;

namespace PeopleSwarm.Dht.Rpc;

/// <summary>What the node is to others: its id, its sockets, its address as they see it.</summary>
internal sealed class LocalIdentity(RpcSockets sockets, RoutingTable table, bool firewalled)
{
    public RpcSockets Sockets { get; set; } = sockets;

    /// <summary>Centred on our id, or on random bytes until we have one. Replaced with the id.</summary>
    public RoutingTable Table { get; set; } = table;

    public NatSampler Nat { get; set; } = new();

    public bool IsEphemeral { get; set; } = true;

    public bool IsFirewalled { get; set; } = firewalled;

    public NodeId? Id => IsEphemeral ? null : Table.Id;

    public SocketId DefaultSocket => IsFirewalled ? Sockets.Client : Sockets.Server;

    /// <summary>The id that goes into datagrams leaving through <paramref name="socket"/> (spec dht-rpc, 3).</summary>
    public NodeId? IdOn(SocketId socket) => socket == Sockets.Server ? Id : null;

    /// <summary>The address strangers reach: known, not firewalled, and with the port we are bound to.</summary>
    public UdpEndPoint? PublicEndPoint => !IsFirewalled && Nat.Result is { } address && address.Port == Sockets.ServerPort ? address : null;
}
