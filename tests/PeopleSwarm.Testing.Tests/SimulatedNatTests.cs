namespace PeopleSwarm.Testing;

public class SimulatedNatTests
{
    private const NatBehavior Any = NatBehavior.EndpointIndependent, Address = NatBehavior.AddressDependent, Port = NatBehavior.AddressAndPortDependent;
    private static readonly UdpEndPoint s_bob = new(0x05000002, 2000), s_bobElsewhere = s_bob.WithPort(2001), s_carol = new(0x05000003, 3000);

    [Theory]
    [InlineData(Any, true, true)]
    [InlineData(Address, true, false)]
    [InlineData(Port, false, false)]
    public void A_mapping_is_shared_by_the_destinations_the_nat_does_not_tell_apart(NatBehavior mapping, bool sameAddress, bool otherAddress)
    {
        var lab = new Lab(new NatOptions { Mapping = mapping, Ports = NatPortAllocation.Random });
        var (first, again) = (lab.OutsidePort(s_bob), lab.OutsidePort(s_bob));
        Assert.Equal(first, again);
        Assert.Equal(sameAddress, first == lab.OutsidePort(s_bobElsewhere));
        Assert.Equal(otherAddress, first == lab.OutsidePort(s_carol));
    }

    [Theory]
    [InlineData(Any, true, true)]
    [InlineData(Address, true, false)]
    [InlineData(Port, false, false)]
    public void Strangers_get_in_as_far_as_filtering_lets_them(NatBehavior filtering, bool sameAddress, bool otherAddress)
    {
        var lab = new Lab(new NatOptions { Filtering = filtering });
        var outside = lab.Nat.Address.WithPort(lab.OutsidePort(s_bob));
        Assert.True(lab.Reaches(s_bob, outside));
        Assert.Equal(sameAddress, lab.Reaches(s_bobElsewhere, outside));
        Assert.Equal(otherAddress, lab.Reaches(s_carol, outside));
    }

    [Fact]
    public void Ports_are_preserved_counted_or_random()
    {
        var preserving = new Lab(new NatOptions { Mapping = Port });
        Assert.Equal([1000, 1001, 1002], new[] { s_bob, s_bobElsewhere, s_carol }.Select(to => (int)preserving.OutsidePort(to)));

        var sequential = new Lab(new NatOptions { Mapping = Port, Ports = NatPortAllocation.Sequential });
        int first = sequential.OutsidePort(s_bob);
        Assert.Equal(first + 1, sequential.OutsidePort(s_bobElsewhere));

        var random = new Lab(NatOptions.Symmetric);
        Assert.True(Math.Abs(random.OutsidePort(s_bob) - random.OutsidePort(s_carol)) > 1);
    }

    [Fact]
    public void A_silent_mapping_is_forgotten_and_one_in_use_is_not()
    {
        var lab = new Lab(NatOptions.FullCone with { MappingTimeout = TimeSpan.FromSeconds(30) });
        var outside = lab.Nat.Address.WithPort(lab.OutsidePort(s_bob));
        for (int i = 0; i < 3; i++)
        {
            lab.Net.RunFor(TimeSpan.FromSeconds(20));
            Assert.True(lab.Reaches(s_bob, outside));
        }
        lab.Net.RunFor(TimeSpan.FromSeconds(30));
        Assert.False(lab.Reaches(s_bob, outside));
        Assert.Equal(0, lab.Nat.MappingCount);
    }

    [Theory, InlineData(true), InlineData(false)]
    public void What_comes_in_keeps_a_mapping_alive_where_the_nat_counts_it(bool counts)
    {
        var lab = new Lab(NatOptions.FullCone with { MappingTimeout = TimeSpan.FromSeconds(30), RefreshOnInbound = counts });
        var outside = lab.Nat.Address.WithPort(lab.OutsidePort(s_bob));
        lab.Net.RunFor(TimeSpan.FromSeconds(20));
        Assert.True(lab.Reaches(s_bob, outside));
        lab.Net.RunFor(TimeSpan.FromSeconds(20));
        Assert.Equal(counts, lab.Reaches(s_bob, outside));
    }

    [Fact]
    public void The_network_behind_a_nat_has_links_of_its_own()
    {
        var lab = new Lab(NatOptions.FullCone);
        lab.Nat.Lan = new() { Latency = TimeSpan.FromMilliseconds(300) };
        var neighbour = lab.Nat.AddHost("10.0.0.3").Add(1500, new Sender());
        neighbour.Send([9], UdpEndPoint.Parse("10.0.0.2:1000"));
        lab.Net.RunFor(TimeSpan.FromMilliseconds(299));
        Assert.Empty(lab.Inside.Received);
        lab.Net.RunFor(TimeSpan.FromMilliseconds(1));
        Assert.Single(lab.Inside.Received);
    }

    [Fact]
    public void A_drifting_mapping_changes_its_port_while_in_use()
    {
        var lab = new Lab(NatOptions.PortRestricted with { DriftAfter = TimeSpan.FromSeconds(10), Ports = NatPortAllocation.Random });
        ushort first = lab.OutsidePort(s_bob);
        lab.Net.RunFor(TimeSpan.FromSeconds(5));
        Assert.Equal(first, lab.OutsidePort(s_bob));
        lab.Net.RunFor(TimeSpan.FromSeconds(5));
        Assert.NotEqual(first, lab.OutsidePort(s_bob));
        Assert.False(lab.Reaches(s_bob, lab.Nat.Address.WithPort(first)));
    }

    [Theory, InlineData(true), InlineData(false)]
    public void Hosts_behind_one_nat_reach_each_other_by_outside_addresses_where_it_hairpins(bool hairpin)
    {
        var lab = new Lab(NatOptions.FullCone with { Hairpin = hairpin });
        var neighbour = lab.Nat.AddHost("10.0.0.3").Add(1500, new Sender());
        var outside = lab.Nat.Address.WithPort(lab.OutsidePort(s_bob));
        neighbour.Send([9], outside);
        lab.Net.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal(hairpin ? [lab.Nat.Address.WithPort(1500)] : [], lab.Inside.Received.Where(r => r.Data is [9]).Select(r => r.Source.From));
    }

    [Fact]
    public void Neighbours_reach_each_other_by_inside_addresses()
    {
        var lab = new Lab(NatOptions.Symmetric);
        var neighbour = lab.Nat.AddHost("10.0.0.3").Add(1500, new Sender());
        neighbour.Send([9], UdpEndPoint.Parse("10.0.0.2:1000"));
        lab.Net.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal(UdpEndPoint.Parse("10.0.0.3:1500"), Assert.Single(lab.Inside.Received).Source.From);
    }

    [Fact]
    public void A_nat_behind_a_nat_maps_twice()
    {
        var net = new SimulatedNetwork(1);
        var outer = net.AddNat("5.1.0.1", NatOptions.FullCone with { Ports = NatPortAllocation.Random });
        var inner = outer.AddNat("10.0.0.7", NatOptions.FullCone with { Ports = NatPortAllocation.Random });
        var inside = inner.AddHost("192.168.0.2").Add(1000, new Sender());
        var bob = net.Add(s_bob, new Sender());
        inside.Send([1], s_bob);
        net.RunFor(TimeSpan.FromSeconds(1));
        var seen = Assert.Single(bob.Received).Source.From;
        Assert.True(seen.HasSameAddress(outer.Address));
        bob.Send([2], seen);
        net.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal(s_bob, Assert.Single(inside.Received).Source.From);
    }

    [Fact]
    public void A_forwarded_port_is_open_to_all()
    {
        var lab = new Lab(NatOptions.Symmetric);
        lab.Nat.Forward(4000, UdpEndPoint.Parse("10.0.0.2:1000"));
        Assert.True(lab.Reaches(s_carol, lab.Nat.Address.WithPort(4000)));
        Assert.Equal(4000, lab.OutsidePort(s_bob));
    }

    [Fact]
    public void A_low_hop_limit_opens_our_nat_and_does_not_reach_theirs()
    {
        var net = new SimulatedNetwork(1);
        SimulatedNat ours = net.AddNat("5.1.0.1"), theirs = net.AddNat("5.2.0.1");
        var alice = ours.AddHost("10.0.0.2").Add(1000, new Sender());
        var bob = theirs.AddHost("10.0.0.2").Add(2000, new Sender());

        alice.Send([1], theirs.Address.WithPort(2000), ttl: 5);
        net.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal(1, net.Statistics.DroppedFor(DropReason.HopLimit));
        Assert.Equal(0, net.Statistics.DroppedFor(DropReason.Filtered));

        bob.Send([2], ours.Address.WithPort(1000));
        net.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal([2], Assert.Single(alice.Received).Data);
    }

    [Fact]
    public void A_restart_and_another_address_forget_all_mappings()
    {
        var lab = new Lab(NatOptions.FullCone);
        var outside = lab.Nat.Address.WithPort(lab.OutsidePort(s_bob));
        lab.Nat.Restart();
        Assert.False(lab.Reaches(s_bob, outside));
        lab.Nat.MoveTo(UdpEndPoint.Parse("5.1.0.99:0"));
        ushort port = lab.OutsidePort(s_bob);
        Assert.False(lab.Reaches(s_bob, outside));
        Assert.True(lab.Reaches(s_bob, UdpEndPoint.Parse("5.1.0.99:0").WithPort(port)));
    }

    [Fact]
    public void Mappings_are_bounded()
    {
        var lab = new Lab(NatOptions.Symmetric with { MaxMappings = 10 });
        for (ushort i = 1; i <= 20; i++) lab.Inside.Send([1], s_bob.WithPort(i));
        lab.Net.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal(10, lab.Nat.MappingCount);
        Assert.Equal(10, lab.Net.Statistics.DroppedFor(DropReason.Filtered));
    }

    private sealed class Lab
    {
        private readonly Sender _bob = new(), _carol = new();

        public Lab(NatOptions options)
        {
            Nat = Net.AddNat("5.1.0.1", options);
            Inside = Nat.AddHost("10.0.0.2").Add(1000, new Sender());
            Net.AddLoop([s_bob, s_bobElsewhere], _bob);
            Net.AddLoop([s_carol], _carol);
        }

        public SimulatedNetwork Net { get; } = new(1) { Latency = TimeSpan.FromMilliseconds(10) };
        public SimulatedNat Nat { get; }
        public Sender Inside { get; }

        public ushort OutsidePort(UdpEndPoint to)
        {
            Inside.Send([1], to);
            Net.RunFor(TimeSpan.FromMilliseconds(100));
            var source = (to.HasSameAddress(s_bob) ? _bob : _carol).Received[^1].Source;
            Assert.True(source.From.HasSameAddress(Nat.Address));
            return source.From.Port;
        }

        public bool Reaches(UdpEndPoint from, UdpEndPoint outside)
        {
            int before = Inside.Received.Count;
            (from.HasSameAddress(s_bob) ? _bob : _carol).Send([7], outside, socket: from == s_bobElsewhere ? 1 : 0);
            Net.RunFor(TimeSpan.FromMilliseconds(100));
            return Inside.Received.Count > before;
        }
    }
}
