namespace PeopleSwarm.Dht.Kademlia;

/// <summary>Limits how many nodes of one address and of one /24 the table holds; private and loopback ranges are free.</summary>
internal sealed class NodeDiversity(int maxPerAddress, int maxPerNetwork)
{
    private readonly Dictionary<uint, int> _addresses = [], _networks = [];

    public bool Allows(in UdpEndPoint node) =>
        IsPrivate(node.IPv4)
        || _addresses.GetValueOrDefault(node.IPv4) < maxPerAddress && _networks.GetValueOrDefault(NetworkOf(node)) < maxPerNetwork;

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

    private static bool IsPrivate(uint address) =>
        address >> 24 is 10 or 127 || address >> 20 == 0xAC1 || address >> 16 is 0xC0A8 or 0xA9FE; // 172.16/12, 192.168/16, 169.254/16

    private static void Change(Dictionary<uint, int> counts, uint key, int by)
    {
        int count = counts.GetValueOrDefault(key) + by;
        if (count == 0) counts.Remove(key);
        else counts[key] = count;
    }
}
