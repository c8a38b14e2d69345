using PeopleSwarm.Dht.TestKit;

namespace PeopleSwarm.Dht.WarmStart;

public class NodeStateTests
{
    private static readonly NodeId s_network = NodeState.NetworkOf(PeerKit.Crypto, ["5.0.0.1:49737"]);

    [Fact]
    public void What_is_written_is_read()
    {
        var state = Make(nodes: 40, peers: 3);
        Assert.True(NodeState.TryParse(state.ToString(), out var read));
        Assert.Equal(state.ToString(), read!.ToString());
        Assert.Equal((s_network, 40, 3), (read.Network, read.Nodes.Count, read.Peers.Count));
        Assert.Equal(state.Peers[2].RelayAddresses, read.Peers[2].RelayAddresses);
    }

    [Fact]
    public void A_text_cut_anywhere_is_none()
    {
        string text = Make(nodes: 5, peers: 2).ToString();
        for (int length = 0; length < text.Length; length++) Assert.False(NodeState.TryParse(text[..length], out _), $"{length} of {text.Length}");
    }

    [Theory]
    [InlineData("peopleswarm-dht 1", "peopleswarm-dht 2")]
    [InlineData("node 9.0.0.1:1", "node 9.0.0.1:0")]
    [InlineData("node 9.0.0.1:1", "node [::1]:1")]
    [InlineData("node 9.0.0.1:1", "node 9.0.0.1:1 x")]
    [InlineData("node 9.0.0.1:1", "mode 9.0.0.1:1")]
    [InlineData("peer ", "peer x")]
    [InlineData("8.0.0.1:1", "8.0.0.1")]
    [InlineData("network ", "network 0")]
    [InlineData("end ", "end 1")]
    public void A_text_that_is_not_entirely_of_this_form_is_none(string from, string to)
    {
        string text = Make(nodes: 5, peers: 2).ToString();
        Assert.Contains(from, text, StringComparison.Ordinal);
        Assert.False(NodeState.TryParse(text.Replace(from, to, StringComparison.Ordinal), out _));
    }

    [Fact]
    public void The_text_is_bounded_however_much_is_known()
    {
        string text = Make(nodes: 5000, peers: 5000, relays: 50).ToString();
        Assert.InRange(text.Length, 1, NodeState.MaxSize);
        Assert.True(NodeState.TryParse(text, out var read));
        Assert.Equal((NodeState.MaxNodes, NodeState.MaxPeers), (read!.Nodes.Count, read.Peers.Count));
    }

    [Fact]
    public void Addresses_that_would_not_be_read_are_not_written()
    {
        UdpEndPoint good = UdpEndPoint.Parse("8.0.0.1:1"), noPort = UdpEndPoint.Parse("8.0.0.2:0"), v6 = UdpEndPoint.Parse("[2001:db8::1]:1");
        PublicKey first = PeerKey(1), second = PeerKey(2);
        var state = new NodeState(s_network, [noPort, good, v6], [new(first, [noPort, v6, good]), new(second, [noPort, v6])]); // as a peer may tell
        Assert.True(NodeState.TryParse(state.ToString(), out var read));
        Assert.Equal([good], read!.Nodes);
        var peer = Assert.Single(read.Peers);
        Assert.Equal(first, peer.PublicKey);
        Assert.Equal([good], peer.RelayAddresses);
    }

    [Fact]
    public void The_order_of_bootstrap_nodes_does_not_matter_and_each_of_them_does()
    {
        Assert.Equal(Network("1.2.3.4:5", "a.test:6"), Network("a.test:6", "1.2.3.4:5"));
        Assert.NotEqual(Network("1.2.3.4:5", "a.test:6"), Network("1.2.3.4:5"));
        Assert.NotEqual(Network("1.2.3.4:5"), Network("1.2.3.4:6"));

        static NodeId Network(params string[] bootstrap) => NodeState.NetworkOf(PeerKit.Crypto, bootstrap);
    }

    private static PublicKey PeerKey(int index) => new([.. Enumerable.Repeat((byte)index, 32)]);

    private static NodeState Make(int nodes, int peers, int relays = 2) => new(s_network,
        [.. Enumerable.Range(1, nodes).Select(i => new UdpEndPoint(9u << 24 | (uint)i, 1))],
        [.. Enumerable.Range(1, peers).Select(i => new PeerRecord(PeerKey(i),
            [.. Enumerable.Range(1, relays).Select(r => new UdpEndPoint(8u << 24 | (uint)r, (ushort)r))]))]);
}
