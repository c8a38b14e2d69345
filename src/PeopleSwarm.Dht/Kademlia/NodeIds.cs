using PeopleSwarm.Dht.Messages;

namespace PeopleSwarm.Dht.Kademlia;

/// <summary>Derives node ids: the hash of an IPv4 address and port (spec dht-rpc, 3).</summary>
internal sealed class NodeIds(ICryptoSuite crypto)
{
    /// <summary>The id of the node at <paramref name="address"/>, which is IPv4.</summary>
    public NodeId Of(in UdpEndPoint address)
    {
        Span<byte> bytes = stackalloc byte[AddressArray.ItemSize];
        AddressArray.Write(bytes, address);
        return OfEncoded(bytes);
    }

    /// <summary>The id of the node at an address in its 6-byte encoding.</summary>
    public NodeId OfEncoded(ReadOnlySpan<byte> address)
    {
        Span<byte> hash = stackalloc byte[NodeId.Size];
        crypto.Hash(address, hash);
        return new(hash);
    }
}
