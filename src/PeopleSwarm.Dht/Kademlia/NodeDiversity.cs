namespace PeopleSwarm.Dht.Kademlia;

/// <summary>Limits how many nodes of one address and of one /24 the table and each of its rows hold; private and loopback ranges are free.</summary>
internal sealed class NodeDiversity(int maxPerAddress, int maxPerNetwork, int maxPerNetworkInRow)
{
    private readonly Dictionary<uint, int> _addresses = [], _networks = [];

    /// <summary>Whether one more node may enter the table in this row.</summary>
    public bool Allows(in UdpEndPoint node, KBucket? row) =>
        IsPrivate(node.IPv4)
        || _addresses.GetValueOrDefault(node.IPv4) < maxPerAddress && _networks.GetValueOrDefault(NetworkOf(node)) < maxPerNetwork && AllowsInRow(node, row);

    /// <summary>Whether one more node may enter this row, if it is in the table already.</summary>
    public bool AllowsInRow(in UdpEndPoint node, KBucket? row)
    {
        if (row is null || IsPrivate(node.IPv4)) return true;
        uint network = NetworkOf(node);
        int count = 0;
        foreach (var other in row.Nodes)
            if (NetworkOf(other.EndPoint) == network) count++;
        return count < maxPerNetworkInRow;
    }

    public void Add(in UdpEndPoint node)
    {
        Change(_addresses, node.IPv4, 1);
        Change(_networks, NetworkOf(node), 1);
    }

    public void Remove(in UdpEndPoint node)
    {
        Change(_addresses, node.IPv4, -1);
        Change(_networks, NetworkOf(node), -1);
    }

    /// <summary>The /24 of an address, as a number.</summary>
    public static uint NetworkOf(in UdpEndPoint node) => node.IPv4 >> 8;

    /// <summary>Whether the address is of a private, link-local or loopback range, where one network may hold everybody.</summary>
    public static bool IsPrivate(uint address) =>
        address >> 24 is 10 or 127 || address >> 20 == 0xAC1 || address >> 16 is 0xC0A8 or 0xA9FE; // 172.16/12, 192.168/16, 169.254/16

    private static void Change(Dictionary<uint, int> counts, uint key, int by)
    {
        int count = counts.GetValueOrDefault(key) + by;
        if (count == 0) counts.Remove(key);
        else counts[key] = count;
    }
}
