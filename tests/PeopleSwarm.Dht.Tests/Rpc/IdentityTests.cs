namespace PeopleSwarm.Dht.Rpc;

public class IdentityTests
{
    [Fact]
    public void C1_C2_an_open_adaptive_node_loses_its_firewall_in_seconds_and_persists_after_twenty_minutes()
    {
        var network = RpcNetwork.Grow(1, 8);
        var node = network.AddNode(EphemeralMode.Adaptive);
        network.Network.Expect(() => node.Machine.Status.IsBootstrapped, TimeSpan.FromSeconds(10));
        Assert.False(node.Machine.Status.IsFirewalled);
        Assert.Equal(node.Address, node.Machine.PublicEndPoint);
        Assert.Null(node.Machine.Id);
        Assert.Equal(node.ExpectedId, node.Machine.Table.Id);
        network.Network.RunFor(TimeSpan.FromMinutes(19));
        Assert.Null(node.Machine.Id);
        network.Network.RunFor(TimeSpan.FromMinutes(2));
        Assert.Equal(node.ExpectedId, node.Machine.Id);
        network.Network.Expect(() => network.Nodes.Count(n => n.Machine.Table.Find(node.ExpectedId) is not null) > 3, TimeSpan.FromMinutes(2));
    }

    [Fact]
    public void The_quick_firewall_check_counts_although_its_answer_comes_after_a_short_walk()
    {
        var network = RpcNetwork.Grow(1, 1);
        var node = network.AddNode(EphemeralMode.Adaptive);
        network.Network.Expect(() => node.Machine.Status.IsBootstrapped, TimeSpan.FromSeconds(10));
        network.Network.Expect(() => !node.Machine.Status.IsFirewalled, TimeSpan.FromSeconds(1));
        Assert.Equal(node.Address, node.Machine.PublicEndPoint);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void C1_a_node_whose_server_port_is_closed_never_persists(bool remapped)
    {
        var network = RpcNetwork.Grow(1, 8);
        var address = UdpEndPoint.Parse("6.6.6.6:49737");
        var sockets = new RpcSockets(new(0), remapped ? (ushort)4000 : address.Port, new(1)); // what we are bound to, and what others reach
        var settings = new RpcSettings { Ephemeral = EphemeralMode.Never, Bootstrap = [BootstrapEntry.At(network.Nodes[0].Address)] };
        var machine = new RpcMachine(network.Network.Now, settings, sockets, TestCrypto.Suite, network.Network.Random.Fork(5));
        var host = network.Network.AddHost(address);
        var loop = host.AddLoop();
        loop.Bind(address.WithPort(remapped ? address.Port : (ushort)1)); // strangers do not reach the port the node believes in
        loop.Bind(address.WithPort(2));
        loop.Attach(machine);
        machine.Start(network.Network.Now);
        network.Network.RunFor(TimeSpan.FromMinutes(45));
        Assert.True(machine.Status is { IsBootstrapped: true, IsEphemeral: true, IsFirewalled: true });
        Assert.Null(machine.PublicEndPoint);
        Assert.DoesNotContain(network.Nodes, n => n.Machine.Table.All().Any(k => k.EndPoint.HasSameAddress(address)));
    }

    [Fact]
    public void C3_the_three_modes_differ()
    {
        var network = RpcNetwork.Grow(1, 8);
        var (always, adaptive, never) = (network.AddNode(EphemeralMode.Always), network.AddNode(EphemeralMode.Adaptive), network.AddNode(EphemeralMode.Never));
        network.Network.RunFor(TimeSpan.FromSeconds(20));
        Assert.Equal((true, true, false), (always.Machine.Status.IsEphemeral, adaptive.Machine.Status.IsEphemeral, never.Machine.Status.IsEphemeral));
        network.Network.RunFor(TimeSpan.FromMinutes(90));
        Assert.Equal((true, false, false), (always.Machine.Status.IsEphemeral, adaptive.Machine.Status.IsEphemeral, never.Machine.Status.IsEphemeral));
        foreach (var node in (RpcNode[])[always, adaptive, never]) node.Machine.WakeUp(network.Network.Now);
        Assert.Equal((true, true, false), (always.Machine.Status.IsEphemeral, adaptive.Machine.Status.IsEphemeral, never.Machine.Status.IsEphemeral));
    }

    [Fact]
    public void C4_a_node_without_anybody_to_ask_is_bootstrapped_at_once()
    {
        var network = new RpcNetwork(1);
        var node = network.AddNode(EphemeralMode.Adaptive);
        network.Network.Expect(() => node.Machine.Status.IsBootstrapped, TimeSpan.FromSeconds(1));
    }

    [Fact]
    public void C4_dead_entries_do_not_keep_a_live_one_from_working()
    {
        var network = RpcNetwork.Grow(1, 3);
        Assert.True(BootstrapEntry.TryParse("9.9.9.9@nowhere.example:1", out var dead));
        Assert.True(BootstrapEntry.TryParse("node1.example:49737", out var named));
        var asked = new List<string>();
        var node = network.AddNode(configure: s => s with { Bootstrap = [dead!, named!] }, start: false);
        node.Machine.ResolveName = (now, name) =>
        {
            asked.Add(name);
            network.Network.After(TimeSpan.FromMilliseconds(50), () =>
                node.Machine.OnNameResolved(network.Network.Now, name, name == "node1.example" ? network.Nodes[0].Address.WithPort(0) : null));
        };
        node.Machine.Start(network.Network.Now);
        network.Network.Expect(() => node.Machine.Status is { IsBootstrapped: true, IsEphemeral: false }, TimeSpan.FromSeconds(30));
        Assert.Equal(["node1.example", "nowhere.example"], asked.Distinct());
        Assert.Equal(3, node.Machine.Table.Count);
    }

    [Fact]
    public void C4_a_suggested_address_that_answers_needs_no_look_up()
    {
        var network = RpcNetwork.Grow(1, 3);
        Assert.True(BootstrapEntry.TryParse($"{network.Nodes[0].Address.HostText}@node1.example:49737", out var entry));
        var node = network.AddNode(configure: s => s with { Bootstrap = [entry!] }, start: false);
        node.Machine.ResolveName = (_, name) => Assert.Fail($"{name} was looked up");
        node.Machine.Start(network.Network.Now);
        network.Network.Expect(() => node.Machine.Status is { IsBootstrapped: true, IsEphemeral: false }, TimeSpan.FromSeconds(10));
    }

    [Fact]
    public void C6_after_a_sleep_an_adaptive_node_is_ephemeral_pings_within_two_ticks_and_recovers()
    {
        var network = RpcNetwork.Grow(1, 8);
        var node = network.AddNode(EphemeralMode.Adaptive);
        network.Network.Expect(() => node.Machine.Id is not null, TimeSpan.FromMinutes(30));
        long requests = node.Machine.Counters.Requests;
        node.Loop.Host.Sleep();
        network.Network.RunFor(TimeSpan.FromMinutes(5));
        node.Loop.Host.WakeUp();
        network.Network.RunFor(TimeSpan.FromSeconds(6));
        Assert.Null(node.Machine.Id);
        network.Network.RunFor(TimeSpan.FromSeconds(10));
        Assert.True(node.Machine.Counters.Requests > requests + 3);
        network.Network.Expect(() => node.Machine.Id is not null, TimeSpan.FromMinutes(65));
    }

    [Fact]
    public void C7_new_requests_leave_the_server_socket_once_the_firewall_is_known_to_be_open_and_the_client_socket_still_answers()
    {
        var network = RpcNetwork.Grow(1, 4);
        var node = network.AddNode(EphemeralMode.Adaptive);
        Assert.Equal(new SocketId(1), node.Machine.DefaultSocket);
        network.Network.Expect(() => node.Machine.Status.IsBootstrapped, TimeSpan.FromSeconds(10));
        Assert.Equal(new SocketId(0), node.Machine.DefaultSocket);
        var peer = new RawPeer(network.Network, "7.0.0.1:1000");
        var client = node.Address.WithPort(RpcNetwork.ClientPort);
        Assert.Single(peer.Exchange(client, RawPeer.Request(client, RpcCommands.Ping)));
    }

    [Fact]
    public void C8_a_suspended_node_answers_nothing_fails_what_is_under_way_and_is_back_after_resume()
    {
        var network = RpcNetwork.Grow(1, 8);
        var node = network.Nodes[3];
        var peer = new RawPeer(network.Network, "7.0.0.1:1000");
        var failures = new List<RpcFailure>();
        var observer = new RecordingObserver();
        node.Machine.Request(network.Network.Now, new(peer.Address, 9), (_, o) => failures.Add(o.Failure));
        node.Machine.StartQuery(network.Network.Now, new(node.ExpectedId, 9), observer);
        network.Network.RunFor(TimeSpan.FromMilliseconds(10));
        node.Machine.Suspend(network.Network.Now);
        Assert.Equal([RpcFailure.Suspended], failures);
        Assert.Equal(RpcFailure.Suspended, observer.Outcome!.Failure);
        node.Machine.Request(network.Network.Now, new(peer.Address, 9), (_, o) => failures.Add(o.Failure));
        network.Network.RunNow();
        Assert.Equal([RpcFailure.Suspended, RpcFailure.Suspended], failures);
        peer.Received.Clear();
        Assert.DoesNotContain(peer.Exchange(node.Address, RawPeer.Request(node.Address, RpcCommands.Ping)), d => !RawPeer.IsRequest(d));
        peer.Received.Clear(); // a request may have been under way
        network.Network.RunFor(TimeSpan.FromSeconds(60));
        Assert.Empty(peer.Received);
        node.Machine.Resume(network.Network.Now, new(new(0), node.Address.Port, new(1)));
        Assert.Single(peer.Exchange(node.Address, RawPeer.Request(node.Address, RpcCommands.Ping)));
        Assert.NotNull(node.Request(new(network.Nodes[0].Address, RpcCommands.Ping, IsInternal: true)).Response);
    }

    [Fact]
    public void F3_a_node_that_is_only_asked_learns_its_address()
    {
        var network = new RpcNetwork(1);
        var node = network.AddNode(EphemeralMode.Always, s => s with { Firewalled = false });
        for (int i = 1; i <= 4; i++)
        {
            var peer = new RawPeer(network.Network, $"7.0.{i}.1:1000");
            peer.Exchange(node.Address, RawPeer.Request(node.Address, RpcCommands.Ping, id: peer.Id));
        }
        Assert.Equal(node.Address, node.Machine.Status.ObservedEndPoint);
    }

    [Fact]
    public void S18_forty_requests_of_one_network_do_not_change_what_we_believe_of_ourselves()
    {
        var network = RpcNetwork.Grow(1, 8);
        var node = network.Nodes[3];
        var before = node.Machine.Status;
        int known = node.Machine.Table.Count;
        for (int i = 0; i < 40; i++)
        {
            var liar = new RawPeer(network.Network, $"7.0.0.{i + 1}:1000");
            liar.Send(node.Address, RawPeer.Request(UdpEndPoint.Parse("6.6.6.6:6"), RpcCommands.Ping, id: liar.Id));
        }
        network.Network.RunFor(TimeSpan.FromSeconds(2));
        Assert.Equal(before, node.Machine.Status);
        Assert.Equal(known, node.Machine.Table.Count);
    }

    [Fact]
    public void S18_a_request_to_the_server_port_of_a_firewalled_node_does_not_set_its_address()
    {
        var network = new RpcNetwork(1);
        var node = network.AddNode(EphemeralMode.Always);
        var liar = new RawPeer(network.Network, "7.0.0.1:1000");
        liar.Exchange(node.Address, RawPeer.Request(UdpEndPoint.Parse("6.6.6.6:6"), RpcCommands.Ping, id: liar.Id));
        Assert.Null(node.Machine.Status.ObservedEndPoint);
    }

    [Fact]
    public void S28_a_node_that_must_persist_keeps_trying_until_it_can()
    {
        var network = new RpcNetwork(1);
        var first = network.AddNode(EphemeralMode.Never); // nobody to ask yet
        network.Network.RunFor(TimeSpan.FromSeconds(5));
        Assert.True(first.Machine.Status is { IsBootstrapped: true, IsEphemeral: true });
        network.AddBootstrapper();
        var second = network.Nodes[1];
        second.Machine.AddNode(network.Network.Now, first.Address);
        first.Machine.AddNode(network.Network.Now, second.Address);
        network.Network.Expect(() => !first.Machine.Status.IsEphemeral, TimeSpan.FromMinutes(10));
        Assert.Equal(first.ExpectedId, first.Machine.Id);
    }

    [Fact]
    public void The_overlay_hears_of_every_change_of_identity()
    {
        var network = RpcNetwork.Grow(1, 4);
        var node = network.AddNode(start: false);
        var handler = new RecordingHandler(_ => null, node.Machine);
        node.Machine.Handler = handler;
        int statusChanges = 0;
        node.Machine.StatusChanged = _ => statusChanges++;
        node.Machine.Start(network.Network.Now);
        network.Network.Expect(() => node.Machine.Status is { IsBootstrapped: true, IsEphemeral: false }, TimeSpan.FromSeconds(10));
        Assert.InRange(handler.IdentityChanges, 1, 3);
        Assert.InRange(statusChanges, 2, 8);
    }

    [Fact]
    public void A_seed_repeats_a_run_packet_for_packet()
    {
        Assert.Equal(Run(), Run());

        static string Run()
        {
            var network = RpcNetwork.Grow(77, 10);
            network.Network.LossRate = 0.1;
            network.Network.RunFor(TimeSpan.FromMinutes(3));
            return network.Network.Describe();
        }
    }
}
