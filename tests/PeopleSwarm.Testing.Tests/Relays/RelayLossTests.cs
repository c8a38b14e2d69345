namespace PeopleSwarm.Testing.Relays;

/// <summary>Relayed connections whose relay, network or path goes.</summary>
[Collection<AloneOnThePool>]
public sealed class RelayLossTests : IDisposable
{
    private static readonly UdpEndPoint s_client = UdpEndPoint.Parse("7.0.0.1:0"), s_server = UdpEndPoint.Parse("6.0.0.1:0"), s_relay = UdpEndPoint.Parse("5.9.0.1:0");
    private readonly RelayInternet _internet = new(seed: 3);

    public void Dispose() => _internet.Dispose();

    [Fact]
    public void A_relay_that_closes_ends_its_streams_at_once_with_the_reason()
    {
        var (client, server, relay) = Symmetric();
        _internet.Run(async () =>
        {
            await using var serving = await relay.RelayAsync(RelayInternet.Key(9), new() { Announce = false });
            await using var meeting = await RelayInternet.MeetAsync(client, server, serving.PublicKey);
            await meeting.ExchangeAsync();
            var started = _internet.Net.Now;
            _ = serving.DisposeAsync().AsTask();
            await AssertLostAsync(meeting.Client);
            await AssertLostAsync(meeting.Server);
            Assert.True(_internet.Net.Now - started < TimeSpan.FromSeconds(1), $"{_internet.Net.Now - started}");
        });
    }

    [Fact]
    public void A_relay_that_falls_silent_is_noticed_before_the_stream_would_notice()
    {
        var (client, server, relayHost) = (_internet.AddBehind("7.0.0.1", NatOptions.Symmetric), _internet.AddBehind("6.0.0.1", NatOptions.Symmetric), _internet.Net.AddHost("5.9.0.1"));
        var relay = _internet.Add(relayHost, o => o.Ephemeral = EphemeralMode.Never);
        _internet.Run(async () =>
        {
            await using var serving = await relay.RelayAsync(RelayInternet.Key(9), new() { Announce = false });
            await using var meeting = await RelayInternet.MeetAsync(client, server, serving.PublicKey);
            await meeting.ExchangeAsync();
            await _internet.Wait(7);
            var started = _internet.Net.Now;
            _internet.Net.Partition([relayHost]);
            await AssertLostAsync(meeting.Client);
            await AssertLostAsync(meeting.Server);
            Assert.True(_internet.Net.Now - started < TimeSpan.FromSeconds(15), $"{_internet.Net.Now - started}");
            _internet.Net.Heal();
        });
    }

    [Fact]
    public void A_punch_that_waits_for_its_time_begins_when_the_relay_is_lost()
    {
        var (client, server, relay) = Restricted();
        _internet.Run(async () =>
        {
            await using var serving = await relay.RelayAsync(RelayInternet.Key(9), new() { Announce = false });
            Block(true);
            await using var meeting = await RelayInternet.MeetAsync(client, server, serving.PublicKey);
            await _internet.Wait(13); // ten probes a second apart have failed
            Assert.Equal((PeerPath.Relayed, PeerPath.Relayed), meeting.Paths);
            Block(false);
            var started = _internet.Net.Now;
            _ = serving.DisposeAsync().AsTask();
            await meeting.ExchangeAsync();
            Assert.Equal((PeerPath.Punched, PeerPath.Punched), meeting.Paths);
            Assert.True(_internet.Net.Now - started < TimeSpan.FromSeconds(5), $"{_internet.Net.Now - started}");
        });
    }

    /// <summary>The peer's last packets by the relay arrive long after its first by the direct path.</summary>
    [Theory, InlineData(1), InlineData(2), InlineData(3)]
    public void M3_no_byte_is_lost_or_reordered_by_a_move_from_a_relay_that_is_two_seconds_away(int seed)
    {
        using var internet = new RelayInternet(seed);
        internet.Net.LossRate = 0.01;
        var (client, server, relay) = (internet.AddBehind("7.0.0.1", NatOptions.PortRestricted), internet.AddBehind("6.0.0.1", NatOptions.PortRestricted), internet.AddOpen("5.9.0.1"));
        internet.Run(async () =>
        {
            await using var serving = await relay.RelayAsync(RelayInternet.Key(9), new() { Announce = false });
            internet.Net.SetLink(s_client, s_server, new() { LossRate = 1 });
            await using var meeting = await RelayInternet.MeetAsync(client, server, serving.PublicKey);
            await meeting.ExchangeAsync();
            Assert.Equal((PeerPath.Relayed, PeerPath.Relayed), meeting.Paths);
            foreach (var one in (UdpEndPoint[])[s_client, s_server]) internet.Net.SetLink(one, s_relay, new() { Latency = TimeSpan.FromSeconds(2), LossRate = 0.01 });
            internet.Net.SetLink(s_client, s_server, null);
            for (int i = 0; i < 100 && meeting.Paths is not (PeerPath.Punched, PeerPath.Punched); i++) await meeting.ExchangeAsync();
            Assert.Equal((PeerPath.Punched, PeerPath.Punched), meeting.Paths);
            await meeting.ExchangeAsync();
            await internet.Wait(10);
            Assert.Equal(0, serving.Statistics.Pairs);
            await meeting.ExchangeAsync();
        });
    }

    [Fact]
    public void M8_ten_minutes_of_silence_leave_a_relayed_connection_as_it_was()
    {
        var (client, server, relay) = Symmetric();
        _internet.Run(async () =>
        {
            await using var serving = await relay.RelayAsync(RelayInternet.Key(9), new() { Announce = false });
            await using var meeting = await RelayInternet.MeetAsync(client, server, serving.PublicKey);
            await _internet.Wait(600);
            Assert.Equal((PeerPath.Relayed, PeerPath.Relayed), meeting.Paths);
            Assert.Equal((2, 1, 1), (serving.Statistics.Sessions, serving.Statistics.Pairs, serving.Statistics.Matched));
            await meeting.ExchangeAsync();
        });
    }

    [Fact]
    public void Another_address_in_the_same_network_leaves_a_relayed_connection_as_it_was()
    {
        var nat = _internet.Net.AddNat("7.0.0.1", NatOptions.Symmetric);
        var ((client, host), server, relay) = (_internet.AddBehind(nat, "192.168.0.2"), _internet.AddBehind("6.0.0.1", NatOptions.Symmetric), _internet.AddOpen("5.9.0.1"));
        _internet.Run(async () =>
        {
            await using var serving = await relay.RelayAsync(RelayInternet.Key(9), new() { Announce = false });
            await using var meeting = await RelayInternet.MeetAsync(client, server, serving.PublicKey);
            await meeting.ExchangeAsync();
            host.MoveTo(nat, UdpEndPoint.Parse("192.168.0.3:0"));
            await meeting.ExchangeAsync();
            await _internet.Wait(60);
            await meeting.ExchangeAsync();
            Assert.Equal((PeerPath.Relayed, PeerPath.Relayed), meeting.Paths);
            Assert.Equal((2, 1), (serving.Statistics.Sessions, serving.Statistics.Pairs));
        });
    }

    [Fact]
    public void Another_network_ends_a_relayed_connection_with_the_reason_and_a_new_one_is_made_from_there()
    {
        var ((client, host), server, relay) = (_internet.AddBehind(_internet.Net.AddNat("7.0.0.1", NatOptions.Symmetric), "192.168.0.2"),
            _internet.AddBehind("6.0.0.1", NatOptions.Symmetric), _internet.AddOpen("5.9.0.1"));
        var elsewhere = _internet.Net.AddNat("7.7.0.1", NatOptions.Symmetric);
        _internet.Run(async () =>
        {
            await using var serving = await relay.RelayAsync(RelayInternet.Key(9), new() { Announce = false });
            await using var meeting = await RelayInternet.MeetAsync(client, server, serving.PublicKey);
            await meeting.ExchangeAsync();
            var moved = _internet.Net.Now;
            host.MoveTo(elsewhere, UdpEndPoint.Parse("10.1.1.1:0"));
            await AssertLostAsync(meeting.Client);
            Assert.True(_internet.Net.Now - moved < TimeSpan.FromSeconds(10), $"{_internet.Net.Now - moved}");
            await using var again = await client.ConnectAsync(RelayInternet.Key(2).PublicKey, new() { RelayThrough = serving.PublicKey });
            Assert.Equal(PeerPath.Relayed, again.Path);
        });
    }

    private (IDhtNode Client, IDhtNode Server, IDhtNode Relay) Symmetric() =>
        (_internet.AddBehind("7.0.0.1", NatOptions.Symmetric), _internet.AddBehind("6.0.0.1", NatOptions.Symmetric), _internet.AddOpen("5.9.0.1"));

    private (IDhtNode Client, IDhtNode Server, IDhtNode Relay) Restricted() =>
        (_internet.AddBehind("7.0.0.1", NatOptions.PortRestricted), _internet.AddBehind("6.0.0.1", NatOptions.PortRestricted), _internet.AddOpen("5.9.0.1"));

    private void Block(bool isBlocked) => _internet.Net.SetLink(s_client, s_server, isBlocked ? new() { LossRate = 1 } : null);

    private static async Task AssertLostAsync(IPeerConnection connection)
    {
        var close = await connection.Closed;
        Assert.Equal(StreamCloseReason.LocalAbort, close.Reason);
        Assert.StartsWith("The connection to the relay was lost", close.Error?.Message, StringComparison.Ordinal);
        var error = await Assert.ThrowsAnyAsync<IOException>(async () =>
        {
            while (!(await connection.Input.ReadAsync()).IsCompleted) { }
        });
        Assert.Contains("relay", error.ToString(), StringComparison.Ordinal);
    }
}
