namespace PeopleSwarm.Dht.Kademlia;

public class NodeDiversityTests
{
    private readonly NodeDiversity _diversity = new(maxPerAddress: 2, maxPerNetwork: 3, maxPerNetworkInRow: 2);

    [Fact]
    public void An_address_and_a_network_have_their_share_and_get_it_back_when_a_node_leaves()
    {
        var (first, second) = (Enter("9.1.1.1:1"), Enter("9.1.1.1:2"));
        Enter("9.1.2.1:1");
        Assert.False(Allows("9.1.1.1:3"));
        Assert.True(Allows("9.1.1.2:1"));
        Enter("9.1.1.2:1");
        Assert.False(Allows("9.1.1.3:1"));
        Assert.True(Allows("9.1.2.2:1"));

        _diversity.Remove(first);
        Assert.True(Allows("9.1.1.3:1"));
        _diversity.Remove(second);
        Enter("9.1.1.3:1");
        Enter("9.1.1.4:1");
        Assert.False(Allows("9.1.1.1:1"));
    }

    [Fact]
    public void A_row_has_less_of_a_network_than_the_table()
    {
        var row = new KBucket();
        row.TryAdd(Node("9.1.1.1:1", id: "01"));
        Assert.True(_diversity.Allows(UdpEndPoint.Parse("9.1.1.2:1"), row));
        row.TryAdd(Node("9.1.1.2:1", id: "02"));
        Assert.False(_diversity.Allows(UdpEndPoint.Parse("9.1.1.3:1"), row));
        Assert.True(_diversity.Allows(UdpEndPoint.Parse("9.1.2.1:1"), row));
    }

    [Theory, InlineData("10.0.0.9:1"), InlineData("127.0.0.1:9"), InlineData("172.16.1.9:1"), InlineData("192.168.1.9:1"), InlineData("169.254.1.9:1")]
    public void Private_ranges_are_free(string address)
    {
        for (int i = 0; i < 5; i++) Enter(address);
        Assert.True(Allows(address));
    }

    private bool Allows(string address) => _diversity.Allows(UdpEndPoint.Parse(address), row: null);

    private KnownNode Enter(string address)
    {
        var node = Node(address, id: "00");
        _diversity.Add(node);
        return node;
    }

    private static KnownNode Node(string address, string id) => new(NodeId.Parse(id.PadRight(64, '0')), UdpEndPoint.Parse(address));
}
