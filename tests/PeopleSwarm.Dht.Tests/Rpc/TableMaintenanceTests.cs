using PeopleSwarm.Dht.Messages;

namespace PeopleSwarm.Dht.Rpc;

public class TableMaintenanceTests
{
    [Theory, InlineData(1), InlineData(2)]
    public void D2_lossy_but_live_nodes_stay_in_the_tables(int seed)
    {
        var network = RpcNetwork.Grow(seed, 20);
        network.Network.RunFor(TimeSpan.FromMinutes(2));
        int before = network.Nodes.Sum(n => n.Machine.Table.Count);
        network.Network.LossRate = 0.15; // both ways: 28 % of exchanges
        network.Network.RunFor(TimeSpan.FromMinutes(10));
        int after = network.Nodes.Sum(n => n.Machine.Table.Count);
        Assert.True(after > before * 0.9, $"{before} before, {after} after");
    }

    [Fact]
    public void D3_a_neighbour_that_turned_ephemeral_leaves_the_table()
    {
        var network = RpcNetwork.Grow(1, 6);
        network.Network.RunFor(TimeSpan.FromMinutes(2));
        var peer = new RawPeer(network.Network, "7.0.0.1:1000");
        bool isPersistent = true;
        peer.Answer = (datagram, from) => RawPeer.IsRequest(datagram) ? RawPeer.Response(from, RawPeer.TidOf(datagram), isPersistent ? peer.Id : null) : null;
        peer.Send(network.Nodes[1].Address, RawPeer.Request(network.Nodes[1].Address, RpcCommands.Ping, id: peer.Id));
        network.Network.Expect(() => network.Nodes[1].Machine.Table.Find(peer.Id) is not null, TimeSpan.FromSeconds(2));
        isPersistent = false;
        network.Network.Expect(() => network.Nodes[1].Machine.Table.Find(peer.Id) is null, TimeSpan.FromMinutes(10));
    }

    [Fact]
    public void D5_nodes_added_by_the_caller_count_as_just_heard()
    {
        var network = new RpcNetwork(1);
        var known = UdpEndPoint.Parse("6.0.0.1:1");
        var node = network.AddNode(EphemeralMode.Always, s => s with { Nodes = [known] }, start: false);
        var entry = Assert.Single(node.Machine.Table.All());
        Assert.Equal(known, entry.EndPoint);
        Assert.True(entry.Added >= 51 && entry.Added == entry.Pinged && entry.Added == entry.Seen);
    }

    [Fact]
    public void D6_ephemeral_filtered_and_unproved_nodes_do_not_enter()
    {
        var network = new RpcNetwork(1);
        var banned = new RawPeer(network.Network, "7.0.0.2:1000");
        var node = network.AddNode(EphemeralMode.Always, s => s with { Filter = n => n != banned.Address });
        network.Network.RunFor(TimeSpan.FromSeconds(1));
        var ephemeral = new RawPeer(network.Network, "7.0.0.1:1000");
        ephemeral.Exchange(node.Address, RawPeer.Request(node.Address, RpcCommands.Ping));
        banned.Exchange(node.Address, RawPeer.Request(node.Address, RpcCommands.Ping, id: banned.Id));
        var silent = new RawPeer(network.Network, "7.0.0.3:1000"); // a forged source address would look like this
        silent.Exchange(node.Address, RawPeer.Request(node.Address, RpcCommands.Ping, id: silent.Id));
        Assert.Equal(0, node.Machine.Table.Count);
        var live = new RawPeer(network.Network, "7.0.0.4:1000");
        live.Answer = (datagram, from) => RawPeer.IsRequest(datagram) ? RawPeer.Response(from, RawPeer.TidOf(datagram), live.Id) : null;
        live.Exchange(node.Address, RawPeer.Request(node.Address, RpcCommands.Ping, id: live.Id));
        Assert.Equal(live.Address, Assert.Single(node.Machine.Table.All()).EndPoint);
    }

    [Fact]
    public void S19_a_down_hint_removes_no_live_node_and_a_dead_one_at_once()
    {
        var network = RpcNetwork.Grow(1, 6);
        var (node, live, dead) = (network.Nodes[1], network.Nodes[2], network.Nodes[3]);
        network.Network.RunFor(TimeSpan.FromSeconds(30));
        node.Request(new(live.Address, RpcCommands.Ping, IsInternal: true));
        node.Request(new(dead.Address, RpcCommands.Ping, IsInternal: true));
        dead.Loop.Host.Disconnect();
        var stranger = new RawPeer(network.Network, "7.0.0.1:1000");
        foreach (var subject in (RpcNode[])[live, dead])
        {
            Assert.NotNull(node.Machine.Table.Find(subject.ExpectedId));
            var hint = RawPeer.Request(node.Address, RpcCommands.DownHint, value: Encode(subject.Address));
            Assert.Single(stranger.Exchange(node.Address, hint));
        }
        network.Network.RunFor(TimeSpan.FromSeconds(9));
        Assert.NotNull(node.Machine.Table.Find(live.ExpectedId));
        Assert.Null(node.Machine.Table.Find(dead.ExpectedId));
    }

    [Theory, InlineData(1), InlineData(2)]
    public void S20_an_outage_of_ours_evicts_nobody(int seed)
    {
        var network = RpcNetwork.Grow(seed, 20);
        var node = network.Nodes[7];
        network.Network.RunFor(TimeSpan.FromMinutes(1));
        int before = node.Machine.Table.Count;
        node.Loop.Host.Disconnect();
        for (int i = 0; i < 5; i++) node.Query(new(NodeId.Parse(new string('7', 64)), RpcCommands.FindNode, IsInternal: true), TimeSpan.FromMinutes(2));
        network.Network.RunFor(TimeSpan.FromMinutes(10));
        Assert.Equal(before, node.Machine.Table.Count);
        Assert.False(node.Machine.Status.IsOnline);
        node.Loop.Host.Reconnect();
        network.Network.RunFor(TimeSpan.FromMinutes(5));
        Assert.True(node.Machine.Status.IsOnline);
        Assert.Equal(before, node.Machine.Table.Count);
    }

    [Fact]
    public void Dead_nodes_leave_the_tables_of_a_quiet_network()
    {
        var network = RpcNetwork.Grow(3, 12);
        var dead = network.Nodes[5];
        dead.Loop.Host.Disconnect();
        network.Network.Expect(() => network.Nodes.All(n => n == dead || n.Machine.Table.Find(dead.ExpectedId) is null), TimeSpan.FromMinutes(15));
    }

    [Fact]
    public void S18_one_address_and_one_network_get_a_limited_share_of_the_table()
    {
        var network = new RpcNetwork(1);
        var node = network.AddNode(EphemeralMode.Always, s => s with { MaxNodesPerAddress = 3, MaxNodesPerNetwork = 5, MaxNodesPerNetworkInRow = 20 }, start: false);
        for (ushort port = 1; port <= 10; port++) node.Machine.AddNode(network.Network.Now, UdpEndPoint.Parse("9.0.0.1:1").WithPort(port));
        Assert.Equal(3, node.Machine.Table.Count);
        for (int host = 2; host < 20; host++) node.Machine.AddNode(network.Network.Now, new UdpEndPoint((uint)(9 << 24 | host), 1));
        Assert.Equal(5, node.Machine.Table.Count);
        for (ushort port = 1; port <= 10; port++) node.Machine.AddNode(network.Network.Now, UdpEndPoint.Loopback(port));
        Assert.True(node.Machine.Table.Count > 10); // test networks live on one address
    }

    [Fact]
    public void S18_a_network_gets_two_places_in_a_row_and_ten_in_the_table_also_when_the_table_moves()
    {
        var network = new RpcNetwork(1);
        var node = network.AddNode(EphemeralMode.Always, start: false);
        for (int host = 1; host < 255; host++) node.Machine.AddNode(network.Network.Now, new UdpEndPoint((uint)(9 << 24 | host), 1));
        var table = node.Machine.Table;
        Assert.InRange(table.Count, 6, 10);
        Assert.All(Enumerable.Range(0, 20), row => Assert.InRange(table.Row(row)?.Count ?? 0, 0, 2));

        var moved = RpcNetwork.Grow(2, 8);
        var adaptive = moved.AddNode(EphemeralMode.Never, start: false);
        for (int host = 1; host < 255; host++) adaptive.Machine.AddNode(moved.Network.Now, new UdpEndPoint((uint)(9 << 24 | host), 1));
        int before = adaptive.Machine.Table.Count;
        adaptive.Machine.Start(moved.Network.Now);
        moved.Network.Expect(() => adaptive.Machine.Id is not null, TimeSpan.FromMinutes(2));
        var rows = Enumerable.Range(0, 20).Select(row => adaptive.Machine.Table.Row(row)?.Nodes.Count(n => n.EndPoint.IPv4 >> 24 == 9) ?? 0).ToArray();
        Assert.All(rows, count => Assert.InRange(count, 0, 2));
        Assert.InRange(rows.Sum(), 0, before);
    }

    [Fact]
    public void S26_full_rows_swap_dead_nodes_for_live_ones_also_after_the_table_was_rebuilt()
    {
        var network = RpcNetwork.Grow(4, 60);
        var node = network.Nodes[1];
        network.Network.RunFor(TimeSpan.FromMinutes(3));
        var row = node.Machine.Table.Row(0)!;
        Assert.True(row.IsFull);
        var dead = row.Nodes.Select(n => n.EndPoint).Take(6).ToArray();
        foreach (var gone in dead) network.Nodes.Single(n => n.Address == gone).Loop.Host.Disconnect();
        network.Network.RunFor(TimeSpan.FromMinutes(15));
        var now = node.Machine.Table.Row(0)!.Nodes.Select(n => n.EndPoint).ToArray();
        Assert.DoesNotContain(now, dead.Contains);
        Assert.True(now.Length >= 17, $"{now.Length} nodes");
    }

    [Fact]
    public void C5_phases_are_spread()
    {
        var ticks = Enumerable.Range(0, 200).Select(i => new Ticks(default, new Testing.SeededRandom(i)).Now).ToArray();
        Assert.All(ticks, t => Assert.InRange(t, 51, 100));
        Assert.True(ticks.Distinct().Count() > 30);
    }

    private static byte[] Encode(UdpEndPoint address)
    {
        var bytes = new byte[AddressArray.ItemSize];
        AddressArray.Write(bytes, address);
        return bytes;
    }
}
