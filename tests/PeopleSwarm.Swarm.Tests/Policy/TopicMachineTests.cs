using PeopleSwarm.Swarm.Fakes;

namespace PeopleSwarm.Swarm.Policy;

public class TopicMachineTests
{
    private static readonly Timestamp s_start = new(7_000_000);
    private static readonly JoinOptions s_server = new() { Client = false }, s_client = new() { Server = false };
    private static readonly IReadOnlyList<UdpEndPoint> s_nodes = FakeNetwork.StoringNodes;

    [Fact]
    public void The_modes_decide_what_is_asked()
    {
        var client = Machine(s_client);
        Assert.Equal(RefreshKind.Lookup, client.BeginRefresh()!.Kind);
        var server = Machine(s_server);
        Assert.Equal(RefreshKind.Announce, server.BeginRefresh()!.Kind);
        Assert.Null(Machine().BeginRefresh());
    }

    [Fact]
    public void Only_the_first_announcement_that_succeeds_clears_and_later_ones_begin_at_the_closest_nodes()
    {
        var machine = Machine(s_server);
        var first = machine.BeginRefresh()!;
        Assert.True(first.Clear);
        Assert.Null(first.Nodes);
        machine.EndRefresh(s_start, first, null);
        var second = machine.BeginRefresh()!;
        Assert.True(second.Clear);
        machine.EndRefresh(s_start, second, s_nodes);
        var third = machine.BeginRefresh()!;
        Assert.False(third.Clear);
        Assert.Equal(s_nodes, third.Nodes);
    }

    [Fact]
    public void A_running_refresh_is_shared_until_the_modes_change()
    {
        var machine = Machine(s_server);
        var first = machine.BeginRefresh()!;
        machine.AddSession(s_server);
        Assert.Null(machine.BeginRefresh());
        machine.AddSession(s_client);
        var second = machine.BeginRefresh()!;
        Assert.False(machine.IsCurrent(first));
        Assert.True(machine.IsCurrent(second));
        machine.EndRefresh(s_start, first, s_nodes);
        Assert.Null(machine.BeginRefresh());
        Assert.Null(machine.NextTimeout);
        machine.EndRefresh(s_start, second, s_nodes);
        Assert.NotNull(machine.NextTimeout);
        Assert.NotNull(machine.BeginRefresh());
    }

    [Fact]
    public void The_next_refresh_comes_after_10_to_12_minutes()
    {
        List<double> minutes = [];
        for (int seed = 0; seed < 300; seed++)
        {
            var machine = Machine(seed, s_client);
            machine.EndRefresh(s_start, machine.BeginRefresh()!, s_nodes);
            minutes.Add((machine.NextTimeout!.Value - s_start).TotalMinutes);
        }
        Assert.InRange(minutes.Min(), 10.0, 10.05);
        Assert.InRange(minutes.Max(), 11.95, 12.0);
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(30, true)]
    [InlineData(31, false)]
    [InlineData(3600, false)]
    public void A_timer_more_than_30_s_late_is_put_off_by_up_to_2_minutes(int late, bool refreshes)
    {
        var machine = Machine(3, s_client);
        machine.EndRefresh(s_start, machine.BeginRefresh()!, s_nodes);
        var due = machine.NextTimeout!.Value;
        Assert.False(machine.HandleTimeout(due - TimeSpan.FromMicroseconds(1)));
        var now = due + TimeSpan.FromSeconds(late);
        Assert.Equal(refreshes, machine.HandleTimeout(now));
        if (refreshes) Assert.Null(machine.NextTimeout);
        else Assert.InRange(machine.NextTimeout!.Value - now, TimeSpan.Zero, TimeSpan.FromMinutes(2));
    }

    [Fact]
    public void A_refresh_that_failed_is_repeated_after_seconds_and_then_ever_later()
    {
        var machine = Machine(s_client);
        List<double> delays = [];
        for (int i = 0; i < 9; i++)
        {
            machine.EndRefresh(s_start, machine.BeginRefresh()!, i % 2 == 0 ? null : []);
            delays.Add((machine.NextTimeout!.Value - s_start).TotalSeconds);
        }
        Assert.Equal([5, 10, 20, 40, 80, 160, 320, 600, 600], delays);
        machine.EndRefresh(s_start, machine.BeginRefresh()!, s_nodes);
        machine.EndRefresh(s_start, machine.BeginRefresh()!, null);
        Assert.Equal(5, (machine.NextTimeout!.Value - s_start).TotalSeconds);
    }

    [Fact]
    public void Losing_the_last_server_session_withdraws_with_the_next_look_up()
    {
        var machine = Machine(s_client);
        var server = machine.AddSession(s_server);
        var announcing = machine.BeginRefresh()!;
        Assert.False(machine.NeedsUnannounce);
        machine.OnAnnouncing();
        Assert.True(machine.NeedsUnannounce);
        machine.EndRefresh(s_start, announcing, s_nodes);
        Assert.True(machine.RemoveSession(server));
        Assert.False(machine.RemoveSession(server));
        var failed = machine.BeginRefresh()!;
        Assert.Equal(RefreshKind.LookupAndUnannounce, failed.Kind);
        machine.EndRefresh(s_start, failed, null);
        Assert.True(machine.NeedsUnannounce);
        machine.EndRefresh(s_start, machine.BeginRefresh()!, s_nodes);
        Assert.False(machine.NeedsUnannounce);
        Assert.Equal(RefreshKind.Lookup, machine.BeginRefresh()!.Kind);
    }

    [Fact]
    public void A_session_that_ends_before_its_announcement_left_stops_it()
    {
        var machine = Machine(s_client);
        var server = machine.AddSession(s_server);
        var announcing = machine.BeginRefresh()!;
        Assert.False(machine.MustStopAnnouncing);
        machine.RemoveSession(server);
        Assert.True(machine.MustStopAnnouncing);
        Assert.Equal(RefreshKind.Lookup, machine.BeginRefresh()!.Kind);
        Assert.False(machine.IsCurrent(announcing));
        Assert.False(machine.MustStopAnnouncing);
    }

    [Fact]
    public void Leaving_withdraws_from_the_known_nodes_or_from_all_if_the_announcement_was_cut_short()
    {
        var announced = Machine(s_server);
        var plan = announced.BeginRefresh()!;
        announced.OnAnnouncing();
        announced.EndRefresh(s_start, plan, s_nodes);
        announced.Destroy();
        Assert.Equal(s_nodes, announced.TakeUnannounce());
        Assert.Equal([], announced.TakeUnannounce());

        var cut = Machine(s_server);
        plan = cut.BeginRefresh()!;
        cut.OnAnnouncing();
        cut.Destroy();
        cut.EndRefresh(s_start, plan, null);
        Assert.Null(cut.TakeUnannounce());
        Assert.Null(cut.NextTimeout);

        var looked = Machine(s_client);
        looked.EndRefresh(s_start, looked.BeginRefresh()!, s_nodes);
        looked.Destroy();
        Assert.Equal([], looked.TakeUnannounce());
    }

    [Fact]
    public void Suspended_or_left_topics_do_nothing()
    {
        var machine = Machine(s_client);
        var plan = machine.BeginRefresh()!;
        machine.Suspend();
        Assert.False(machine.IsCurrent(plan));
        machine.EndRefresh(s_start, plan, s_nodes);
        Assert.Null(machine.NextTimeout);
        Assert.Null(machine.BeginRefresh());
        machine.Resume();
        Assert.NotNull(machine.BeginRefresh());
        machine.Destroy();
        Assert.Null(machine.BeginRefresh());
    }

    [Fact]
    public void A_peer_is_handed_on_once_in_a_refresh_and_only_to_clients()
    {
        var machine = Machine(s_client);
        machine.EndRefresh(s_start, machine.BeginRefresh()!, s_nodes);
        Assert.True(machine.TryHandOn(Keys.Public(1)));
        Assert.False(machine.TryHandOn(Keys.Public(1)));
        machine.BeginRefresh();
        Assert.True(machine.TryHandOn(Keys.Public(1)));
        var server = Machine(s_server);
        server.BeginRefresh();
        Assert.False(server.TryHandOn(Keys.Public(1)));
        int handedOn = 0;
        for (int i = 2; i < 5000; i++) handedOn += machine.TryHandOn(Keys.Public(i)) ? 1 : 0;
        Assert.Equal(1023, handedOn);
    }

    [Fact]
    public void The_most_generous_client_session_sets_the_limit()
    {
        var machine = Machine(s_client with { Limit = 2 });
        Assert.Equal(2, machine.Limit);
        var generous = machine.AddSession(s_client with { Limit = 5 });
        machine.AddSession(s_server);
        Assert.Equal(5, machine.Limit);
        var unlimited = machine.AddSession(s_client);
        Assert.Null(machine.Limit);
        machine.RemoveSession(unlimited);
        machine.RemoveSession(generous);
        Assert.Equal(2, machine.Limit);
    }

    private static TopicMachine Machine(params JoinOptions[] sessions) => Machine(null, sessions);

    private static TopicMachine Machine(int? seed, params JoinOptions[] sessions)
    {
        var machine = new TopicMachine(Keys.Topic(1), seed is { } value ? new SeededRandom(value) : new NoRandom());
        foreach (var session in sessions) machine.AddSession(session);
        return machine;
    }
}
