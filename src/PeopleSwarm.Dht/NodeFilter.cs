namespace PeopleSwarm.Dht;

/// <summary>Nodes that nobody wants to ask: the network's own list, and what the options refuse.</summary>
internal static class NodeFilter
{
    private static readonly UdpEndPoint[] s_nodes =
        [UdpEndPoint.Parse("134.209.28.98:49738"), UdpEndPoint.Parse("167.99.142.185:49738"), UdpEndPoint.Parse("35.233.47.252:9400")];

    private static readonly UdpEndPoint s_host = UdpEndPoint.Parse("150.136.142.116:0");

    public static bool Allows(UdpEndPoint node) => !node.HasSameAddress(s_host) && Array.IndexOf(s_nodes, node) < 0;

    /// <summary>Both lists apply.</summary>
    public static Func<UdpEndPoint, bool> With(Func<UdpEndPoint, bool>? own) => own is null ? Allows : node => Allows(node) && own(node);
}
