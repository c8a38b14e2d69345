namespace PeopleSwarm.Dht.Rpc;

public class RequestLimitTests
{
    private static readonly Timestamp s_start = new(1_000_000);

    [Fact]
    public void One_address_has_its_burst_and_then_its_rate_and_others_are_not_touched()
    {
        var limit = new RequestLimit(perSource: 10, total: 1000, maxSources: 100);
        Assert.Equal(20, Take(limit, s_start, 1, 100));
        Assert.Equal(10, Take(limit, s_start + TimeSpan.FromSeconds(1), 1, 100));
        Assert.Equal(20, Take(limit, s_start + TimeSpan.FromSeconds(1), 2, 100));
        Assert.Equal(80 + 90 + 80, limit.Refused);
    }

    [Fact]
    public void All_together_have_their_burst_and_then_their_rate()
    {
        var limit = new RequestLimit(perSource: 1000, total: 100, maxSources: 10_000);
        Assert.Equal(200, Enumerable.Range(1, 500).Sum(i => Take(limit, s_start, (uint)i, 1)));
        Assert.Equal(100, Enumerable.Range(1, 500).Sum(i => Take(limit, s_start + TimeSpan.FromSeconds(1), (uint)i, 1)));
    }

    [Fact]
    public void The_heaviest_wait_first()
    {
        var limit = new RequestLimit(perSource: 100, total: 100, maxSources: 100);
        Assert.Equal(100, Take(limit, s_start, 1, 1000)); // half of what all may have, and then no more for this one
        for (uint light = 2; light < 52; light++) Assert.Equal(1, Take(limit, s_start, light, 1));
    }

    [Fact]
    public void However_many_addresses_ask_memory_and_the_total_are_bounded()
    {
        var limit = new RequestLimit(perSource: 10, total: 1000, maxSources: 64);
        Assert.Equal(2000, Enumerable.Range(1, 100_000).Sum(i => Take(limit, s_start, (uint)i, 1)));
    }

    [Fact]
    public void Private_ranges_are_free()
    {
        var limit = new RequestLimit(perSource: 1, total: 1, maxSources: 16);
        Assert.All(Enumerable.Range(0, 100), _ => Assert.True(limit.TryTake(s_start, UdpEndPoint.Parse("192.168.0.7:1"))));
    }

    [Fact]
    public void A_node_drops_what_one_address_asks_beyond_its_limit_and_answers_the_others()
    {
        var network = RpcNetwork.Grow(seed: 1, nodes: 2);
        var node = network.AddNode(configure: s => s with { RequestsPerSourcePerSecond = 5 });
        network.Network.Expect(() => node.Machine.Status.IsBootstrapped, TimeSpan.FromSeconds(30));
        network.Network.RunFor(TimeSpan.FromSeconds(5));
        RawPeer flooder = new(network.Network, "7.0.0.1:1000"), other = new(network.Network, "7.0.1.1:1000");
        long dropped = node.Machine.Dropped;
        for (int i = 0; i < 29; i++) flooder.Send(node.Address, RawPeer.Request(node.Address, RpcCommands.Ping));
        int answers = flooder.Exchange(node.Address, RawPeer.Request(node.Address, RpcCommands.Ping)).Count;
        Assert.Equal((10, dropped + 20), (answers, node.Machine.Dropped));
        Assert.Single(other.Exchange(node.Address, RawPeer.Request(node.Address, RpcCommands.Ping)));
    }

    [Fact]
    public void A_node_answers_so_many_requests_a_second_whoever_asks()
    {
        var network = RpcNetwork.Grow(seed: 1, nodes: 2);
        var node = network.AddNode(configure: s => s with { RequestsPerSecond = 5 });
        network.Network.Expect(() => node.Machine.Status.IsBootstrapped, TimeSpan.FromSeconds(30));
        network.Network.RunFor(TimeSpan.FromSeconds(5));
        long dropped = node.Machine.Dropped;
        for (int i = 0; i < 30; i++) new RawPeer(network.Network, $"7.0.{i}.1:1000").Send(node.Address, RawPeer.Request(node.Address, RpcCommands.Ping));
        network.Network.RunFor(TimeSpan.FromSeconds(0.5));
        Assert.Equal(dropped + 20, node.Machine.Dropped);
    }

    private static int Take(RequestLimit limit, Timestamp now, uint source, int times) =>
        Enumerable.Range(0, times).Count(_ => limit.TryTake(now, new(0x05000000u + source, 1)));
}
