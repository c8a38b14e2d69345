using System.Runtime.InteropServices;

namespace PeopleSwarm.Dht.Kademlia;

/// <summary>Limits how many nodes of one address and of one /24 the table and each of its rows hold; private and loopback ranges are free.</summary>
/// <remarks>
/// Counts when asked, which every stranger's request does, over the hundred or two nodes of a table: counters for each network would take
/// more memory than the nodes, and the nodes themselves lie all over it.
/// </remarks>
internal sealed class NodeDiversity(int maxPerAddress, int maxPerNetwork, int maxPerNetworkInRow)
{
    private const int NetworkShift = 8;

    private readonly List<uint> _addresses = [];

    /// <summary>A node entered the table.</summary>
    public void Add(KnownNode node) => _addresses.Add(node.IPv4);

    /// <summary>A node left the table.</summary>
    public void Remove(KnownNode node)
    {
        int index = _addresses.IndexOf(node.IPv4);
        _addresses[index] = _addresses[^1];
        _addresses.RemoveAt(_addresses.Count - 1);
    }

    /// <summary>Whether one more node may enter the table in this row.</summary>
    public bool Allows(in UdpEndPoint node, KBucket? row)
    {
        if (IsPrivate(node.IPv4)) return true;
        if (!AllowsInRow(node, row)) return false;
        uint address = node.IPv4, network = NetworkOf(node);
        int inAddress = 0, inNetwork = 0;
        foreach (uint other in CollectionsMarshal.AsSpan(_addresses))
        {
            if (other >> NetworkShift != network) continue;
            inNetwork++;
            if (other == address) inAddress++;
        }
        return inAddress < maxPerAddress && inNetwork < maxPerNetwork;
    }

    /// <summary>Whether one more node may enter this row, if it is in the table already.</summary>
    public bool AllowsInRow(in UdpEndPoint node, KBucket? row)
    {
        if (row is null || IsPrivate(node.IPv4)) return true;
        uint network = NetworkOf(node);
        int count = 0;
        for (int i = 0; i < row.Count; i++)
            if (row[i].IPv4 >> NetworkShift == network) count++;
        return count < maxPerNetworkInRow;
    }

    /// <summary>The /24 of an address, as a number.</summary>
    public static uint NetworkOf(in UdpEndPoint node) => node.IPv4 >> NetworkShift;

    /// <summary>Whether the address is of a private, link-local or loopback range, where one network may hold everybody.</summary>
    public static bool IsPrivate(uint address) =>
        address >> 24 is 10 or 127 || address >> 20 == 0xAC1 || address >> 16 is 0xC0A8 or 0xA9FE; // 172.16/12, 192.168/16, 169.254/16
}
