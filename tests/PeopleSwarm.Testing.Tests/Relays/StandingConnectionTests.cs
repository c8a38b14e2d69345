using System.Globalization;

namespace PeopleSwarm.Testing.Relays;

/// <summary>Connections to relays: kept where they are needed, shared by streams, and gone when nobody uses them.</summary>
[Collection<AloneOnThePool>]
public sealed class StandingConnectionTests : IDisposable
{
    private readonly RelayInternet _internet = new(seed: 7);

    public void Dispose() => _internet.Dispose();

    [Fact]
    public void A_symmetric_NAT_keeps_a_relay_that_was_found_and_a_stream_through_it_costs_no_dial()
    {
        var (client, server, relay) = (_internet.AddBehind("7.0.0.1", NatOptions.Symmetric), _internet.AddBehind("6.0.0.1", NatOptions.Symmetric), _internet.AddOpen("5.9.0.1"));
        var restricted = _internet.AddBehind("7.1.0.1", NatOptions.PortRestricted);
        _internet.Run(async () =>
        {
            await using var serving = await relay.RelayAsync(RelayInternet.Key(9));
            var key = serving.PublicKey;
            await _internet.WaitUntilAsync(() => client.Status.Relay == key && server.Status.Relay == key, seconds: 20);
            Assert.Null(restricted.Status.Relay);
            await _internet.WaitUntilAsync(() => serving.Statistics.Sessions == 2, seconds: 1);

            var started = _internet.Net.Now;
            await using var meeting = await RelayInternet.MeetAsync(client, server);
            var took = _internet.Net.Now - started;
            Assert.Equal((PeerPath.Relayed, PeerPath.Relayed), meeting.Paths);
            Assert.Equal((2, 1), (serving.Statistics.Sessions, serving.Statistics.Pairs));
            Report.Write("relay-kept", string.Create(CultureInfo.InvariantCulture,
                $"Two symmetric NATs, 20 ms one way, a relay both keep: a stream after {took.TotalMilliseconds:0} ms of virtual time, announcing included\n"));

            await _internet.Wait(300);
            Assert.Equal((key, 2), (client.Status.Relay, serving.Statistics.Sessions));
        });
    }

    [Fact]
    public void Who_does_not_want_to_keep_one_finds_a_relay_when_it_is_needed()
    {
        var (client, server, relay) = (_internet.AddBehind("7.0.0.1", NatOptions.Symmetric, o => o.KeepRelay = false),
            _internet.AddBehind("6.0.0.1", NatOptions.Symmetric, o => o.KeepRelay = false), _internet.AddOpen("5.9.0.1"));
        _internet.Run(async () =>
        {
            await using var serving = await relay.RelayAsync(RelayInternet.Key(9));
            await _internet.Wait(60);
            Assert.Equal(0, serving.Statistics.Sessions);
            await using var meeting = await RelayInternet.MeetAsync(client, server);
            Assert.Equal((PeerPath.Relayed, PeerPath.Relayed), meeting.Paths);
        });
    }

    [Fact]
    public void A_kept_relay_that_goes_is_replaced_by_another()
    {
        var client = _internet.AddBehind("7.0.0.1", NatOptions.Symmetric);
        IDhtNode[] nodes = [_internet.AddOpen("5.9.0.1"), _internet.AddOpen("5.9.1.1")];
        _internet.Run(async () =>
        {
            await using var first = await nodes[0].RelayAsync(RelayInternet.Key(9));
            await using var second = await nodes[1].RelayAsync(RelayInternet.Key(10));
            await _internet.WaitUntilAsync(() => client.Status.Relay is not null, seconds: 20);
            var (kept, other) = client.Status.Relay == first.PublicKey ? (first, second) : (second, first);
            await kept.DisposeAsync();
            await _internet.WaitUntilAsync(() => client.Status.Relay == other.PublicKey, seconds: 20);
        });
    }

    [Fact]
    public void A_kept_relay_is_let_go_where_the_NAT_needs_none_any_more()
    {
        var ((client, host), relay) = (_internet.AddBehind(_internet.Net.AddNat("7.0.0.1", NatOptions.Symmetric), "192.168.0.2"), _internet.AddOpen("5.9.0.1"));
        _internet.Run(async () =>
        {
            await using var serving = await relay.RelayAsync(RelayInternet.Key(9));
            await _internet.WaitUntilAsync(() => client.Status.Relay is not null, seconds: 20);
            host.MoveTo(UdpEndPoint.Parse("8.0.0.1:0"));
            await _internet.WaitUntilAsync(() => client.Status.PublicEndPoint is { } own && own.HasSameAddress(UdpEndPoint.Parse("8.0.0.1:0")), seconds: 5);
            await _internet.WaitUntilAsync(() => client.Status.Relay is null, seconds: 1);
        });
    }

    [Fact]
    public void A_node_that_found_no_relay_for_long_looks_at_once_when_it_comes_back()
    {
        var (client, relay) = (_internet.AddBehind("7.0.0.1", NatOptions.Symmetric), _internet.AddOpen("5.9.0.1"));
        _internet.Run(async () =>
        {
            await _internet.Wait(20 * 60); // it tries every ten minutes by now
            await using var serving = await relay.RelayAsync(RelayInternet.Key(9));
            await client.SuspendAsync();
            await client.ResumeAsync();
            await _internet.WaitUntilAsync(() => client.Status.Relay == serving.PublicKey, seconds: 30);
        });
    }

    [Fact]
    public void Streams_share_a_connection_up_to_a_limit()
    {
        var client = _internet.AddBehind("7.0.0.1", NatOptions.Symmetric, o => o.MaxPairingsPerRelayConnection = 2);
        var (server, relay) = (_internet.AddBehind("6.0.0.1", NatOptions.Symmetric), _internet.AddOpen("5.9.0.1"));
        _internet.Run(async () =>
        {
            await using var serving = await relay.RelayAsync(RelayInternet.Key(9), new() { Announce = false });
            await using var listener = await server.ListenAsync(RelayInternet.Key(2));
            var sessions = new List<int>();
            for (int i = 0; i < 3; i++)
            {
                await client.ConnectAsync(listener.PublicKey, new() { RelayThrough = serving.PublicKey });
                sessions.Add(serving.Statistics.Sessions);
            }
            Assert.Equal([2, 2, 3], sessions); // the server's one, and the client's
            Assert.Equal(3, serving.Statistics.Pairs);
        });
    }

    [Fact]
    public void A_connection_stays_for_the_next_stream_and_goes_when_none_comes()
    {
        var client = _internet.AddBehind("7.0.0.1", NatOptions.Symmetric, o => o.RelayIdleTimeout = TimeSpan.FromSeconds(60));
        var server = _internet.AddBehind("6.0.0.1", NatOptions.Symmetric, o => o.RelayIdleTimeout = TimeSpan.FromSeconds(60));
        var relay = _internet.AddOpen("5.9.0.1");
        _internet.Run(async () =>
        {
            await using var serving = await relay.RelayAsync(RelayInternet.Key(9), new() { Announce = false });
            for (int i = 0; i < 2; i++)
            {
                await using (var meeting = await RelayInternet.MeetAsync(client, server, serving.PublicKey)) await meeting.ExchangeAsync();
                await _internet.Wait(50);
                Assert.Equal((2, 0), (serving.Statistics.Sessions, serving.Statistics.Pairs));
            }
            await _internet.Wait(20);
            Assert.Equal(0, serving.Statistics.Sessions);
        });
    }

    [Fact]
    public void Connections_are_bounded_and_an_idle_one_makes_room()
    {
        var client = _internet.AddBehind("7.0.0.1", NatOptions.Symmetric, o => (o.MaxRelayConnections, o.FindRelays) = (1, false));
        var server = _internet.AddBehind("6.0.0.1", NatOptions.Symmetric);
        IDhtNode[] nodes = [_internet.AddOpen("5.9.0.1"), _internet.AddOpen("5.9.1.1")];
        _internet.Run(async () =>
        {
            await using var first = await nodes[0].RelayAsync(RelayInternet.Key(9), new() { Announce = false });
            await using var second = await nodes[1].RelayAsync(RelayInternet.Key(10), new() { Announce = false });
            await using (var meeting = await RelayInternet.MeetAsync(client, server, first.PublicKey)) await meeting.ExchangeAsync();
            await _internet.Wait(5); // the pair is gone, the connection is not
            await using var listener = await server.ListenAsync(RelayInternet.Key(3));
            await using var busy = await client.ConnectAsync(listener.PublicKey, new() { RelayThrough = second.PublicKey });
            Assert.Equal((1, 1), (first.Statistics.Sessions, second.Statistics.Pairs)); // the server's own is left
            var error = await Assert.ThrowsAsync<PeerConnectException>(() => RelayInternet.MeetAsync(client, server, first.PublicKey));
            Assert.Equal(PeerConnectError.HolepunchDoubleRandomizedNats, error.Error);
        });
    }
}
