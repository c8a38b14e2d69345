using PeopleSwarm.Testing.Relays;

namespace PeopleSwarm.Testing;

/// <summary>Peers behind NATs that go through a relay: whole nodes on a simulated internet.</summary>
[Collection<AloneOnThePool>]
public sealed class SimulatedRelayTests : IDisposable
{
    private RelayInternet _internet = null!;

    public void Dispose() => _internet.Dispose();

    [Theory]
    [InlineData(1, true), InlineData(2, true), InlineData(3, true)]
    [InlineData(1, false), InlineData(2, false), InlineData(3, false)]
    public void Two_symmetric_NATs_are_connected_through_a_relay(int seed, bool isClientsChoice)
    {
        _internet = new(seed);
        var (client, server, relay) = (_internet.AddBehind("7.0.0.1", NatOptions.Symmetric), _internet.AddBehind("6.0.0.1", NatOptions.Symmetric), _internet.AddOpen("5.9.0.1"));
        _internet.Run(async () =>
        {
            await using var serving = await relay.RelayAsync(RelayInternet.Key(9), new() { Announce = false });
            await using var meeting = await RelayInternet.MeetAsync(client, server, isClientsChoice ? RelayInternet.Key(9).PublicKey : null, isClientsChoice ? null : RelayInternet.Key(9).PublicKey);
            Assert.Equal((PeerPath.Relayed, PeerPath.Relayed), meeting.Paths);
            await meeting.ExchangeAsync();
            Assert.Equal((PeerPath.Relayed, PeerPath.Relayed), meeting.Paths);
            Assert.Equal((1, 0), (serving.Statistics.Pairs, serving.Statistics.Waiting));
            Assert.True(serving.Statistics.Bytes > 2 * Meeting.Length, serving.Statistics.ToString());
            await meeting.DisposeAsync();
            await _internet.Wait(40);
            Assert.Equal((0, 0, 0), (serving.Statistics.Pairs, serving.Statistics.Waiting, serving.Statistics.Sessions));
        });
    }

    [Theory]
    [InlineData(1, "port-restricted", "port-restricted"), InlineData(2, "port-restricted", "port-restricted")]
    [InlineData(3, "port-restricted", "symmetric"), InlineData(4, "symmetric", "port-restricted")]
    [InlineData(5, "address-restricted", "port-restricted")]
    public void A_relayed_stream_moves_to_the_punched_path_while_data_flows(int seed, string clientNat, string serverNat)
    {
        _internet = new(seed);
        _internet.Net.LossRate = 0.01;
        var (client, server, relay) = (_internet.AddBehind("7.0.0.1", RelayInternet.Nat(clientNat)), _internet.AddBehind("6.0.0.1", RelayInternet.Nat(serverNat)), _internet.AddOpen("5.9.0.1"));
        _internet.Run(async () =>
        {
            await using var serving = await relay.RelayAsync(RelayInternet.Key(9), new() { Announce = false });
            await using var meeting = await RelayInternet.MeetAsync(client, server, RelayInternet.Key(9).PublicKey);
            for (int round = 0; round < 200 && meeting.Paths is not (PeerPath.Punched, PeerPath.Punched); round++) await meeting.ExchangeAsync();
            Assert.Equal((PeerPath.Punched, PeerPath.Punched), meeting.Paths);
            await meeting.ExchangeAsync();
            if (meeting.WasRelayed) Assert.Equal([PeerPath.Punched], meeting.ClientChanges);
            await _internet.Wait(40);
            Assert.Equal((0, 0), (serving.Statistics.Pairs, serving.Statistics.Sessions)); // nobody needs the relay any more
            await meeting.ExchangeAsync();
        });
    }

    [Fact]
    public void A_relay_that_is_not_there_costs_a_punched_connection_nothing()
    {
        _internet = new(seed: 1);
        var (client, server) = (_internet.AddBehind("7.0.0.1", NatOptions.PortRestricted), _internet.AddBehind("6.0.0.1", NatOptions.PortRestricted));
        _internet.Run(async () =>
        {
            await using var meeting = await RelayInternet.MeetAsync(client, server, RelayInternet.Key(9).PublicKey);
            Assert.Equal((PeerPath.Punched, PeerPath.Punched), meeting.Paths);
            await meeting.ExchangeAsync();
        });
    }

    [Fact]
    public void A_relay_that_is_not_there_leaves_two_symmetric_NATs_with_a_reason()
    {
        _internet = new(seed: 1);
        var (client, server) = (_internet.AddBehind("7.0.0.1", NatOptions.Symmetric), _internet.AddBehind("6.0.0.1", NatOptions.Symmetric));
        _internet.Run(async () =>
        {
            // Nobody offers itself as a relay, and the one that is named does not exist.
            var error = await Assert.ThrowsAsync<PeerConnectException>(() => RelayInternet.MeetAsync(client, server, RelayInternet.Key(9).PublicKey));
            Assert.Equal(PeerConnectError.RelayAborted, error.Error);
            Assert.Contains(error.Attempts, line => line.StartsWith("relay", StringComparison.Ordinal));
        });
    }

    [Theory, InlineData(2), InlineData(6)]
    public void A_relay_that_does_not_answer_is_waited_for_no_longer_than_wanted(int seconds)
    {
        _internet = new(seed: 1);
        void Configure(PeerDhtOptions o) => (o.RelayTimeout, o.FindRelays) = (TimeSpan.FromSeconds(seconds), false);
        var (client, server) = (_internet.AddBehind("7.0.0.1", NatOptions.Symmetric, Configure), _internet.AddBehind("6.0.0.1", NatOptions.Symmetric, Configure));
        var host = _internet.Net.AddHost("5.9.0.1");
        var relay = _internet.Add(host, o => o.Ephemeral = EphemeralMode.Never);
        _internet.Run(async () =>
        {
            await using var serving = await relay.RelayAsync(RelayInternet.Key(9));
            await using var listener = await server.ListenAsync();
            _internet.Net.Partition([host]);
            var started = _internet.Net.Now;
            var error = await Assert.ThrowsAsync<PeerConnectException>(() => client.ConnectAsync(listener.PublicKey, new() { RelayThrough = serving.PublicKey }, TestContext.Current.CancellationToken));
            Assert.Equal(PeerConnectError.RelayAborted, error.Error);
            Assert.InRange((_internet.Net.Now - started).TotalSeconds, seconds, seconds + 2);
            _internet.Net.Heal();
        });
    }

    [Fact]
    public void Nobody_waits_for_more_relays_than_wanted()
    {
        _internet = new(seed: 1);
        static void WithoutRelays(PeerDhtOptions o) => o.MaxRelayPairings = 0;
        var (client, server, relay) = (_internet.AddBehind("7.0.0.1", NatOptions.Symmetric, WithoutRelays), _internet.AddBehind("6.0.0.1", NatOptions.Symmetric, WithoutRelays), _internet.AddOpen("5.9.0.1"));
        _internet.Run(async () =>
        {
            await using var serving = await relay.RelayAsync(RelayInternet.Key(9));
            var error = await Assert.ThrowsAsync<PeerConnectException>(() => RelayInternet.MeetAsync(client, server, serving.PublicKey));
            Assert.Equal(PeerConnectError.HolepunchDoubleRandomizedNats, error.Error);
            Assert.Equal(0, serving.Statistics.Sessions);
        });
    }

    [Theory, InlineData(1), InlineData(2), InlineData(3)]
    public void Two_symmetric_NATs_find_a_relay_by_themselves(int seed)
    {
        _internet = new(seed);
        var (client, server) = (_internet.AddBehind("7.0.0.1", NatOptions.Symmetric), _internet.AddBehind("6.0.0.1", NatOptions.Symmetric));
        IDhtNode[] relays = [_internet.AddOpen("5.9.0.1"), _internet.AddOpen("5.9.1.1")];
        _internet.Run(async () =>
        {
            await using var first = await relays[0].RelayAsync(RelayInternet.Key(9));
            await using var second = await relays[1].RelayAsync(RelayInternet.Key(10));
            await _internet.Wait(5);
            await using var meeting = await RelayInternet.MeetAsync(client, server);
            Assert.Equal((PeerPath.Relayed, PeerPath.Relayed), meeting.Paths);
            await meeting.ExchangeAsync();
            Assert.Equal(1, first.Statistics.Pairs + second.Statistics.Pairs);
        });
    }

    [Fact]
    public void A_relay_that_is_found_and_dead_gives_way_to_another()
    {
        _internet = new(seed: 4);
        var (client, server) = (_internet.AddBehind("7.0.0.1", NatOptions.Symmetric), _internet.AddBehind("6.0.0.1", NatOptions.Symmetric));
        var (deadHost, living) = (_internet.Net.AddHost("5.9.0.1"), _internet.AddOpen("5.9.1.1"));
        var dead = _internet.Add(deadHost, o => o.Ephemeral = EphemeralMode.Never);
        _internet.Run(async () =>
        {
            var lost = await dead.RelayAsync(RelayInternet.Key(9));
            await _internet.Wait(5);
            _internet.Net.Partition([deadHost]);
            await using var serving = await living.RelayAsync(RelayInternet.Key(10));
            await _internet.Wait(5);
            for (int i = 0; i < 3; i++)
            {
                await using var meeting = await RelayInternet.MeetAsync(client, server, timeout: TimeSpan.FromMinutes(2));
                Assert.Equal((PeerPath.Relayed, PeerPath.Relayed), meeting.Paths);
                await meeting.ExchangeAsync();
            }
            _internet.Net.Heal();
            await lost.DisposeAsync();
        });
    }
}
