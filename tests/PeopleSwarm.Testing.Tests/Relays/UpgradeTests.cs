using System.Collections.Concurrent;

namespace PeopleSwarm.Testing.Relays;

/// <summary>Punching that failed, or had to wait, is tried again: a relayed connection is upgraded later, and one without a relay is made later.</summary>
[Collection<AloneOnThePool>]
public sealed class UpgradeTests : IDisposable
{
    private static readonly UdpEndPoint s_client = UdpEndPoint.Parse("7.0.0.1:0"), s_server = UdpEndPoint.Parse("6.0.0.1:0");
    private readonly RelayInternet _internet = new(seed: 5);

    public void Dispose() => _internet.Dispose();

    [Theory]
    [InlineData("port-restricted", "port-restricted")]
    [InlineData("symmetric", "port-restricted")]
    [InlineData("port-restricted", "symmetric")]
    public void A_path_that_opens_later_is_found_by_a_later_try(string clientNat, string serverNat)
    {
        var (client, server, relay) = (_internet.AddBehind("7.0.0.1", RelayInternet.Nat(clientNat)), _internet.AddBehind("6.0.0.1", RelayInternet.Nat(serverNat)), _internet.AddOpen("5.9.0.1"));
        _internet.Run(async () =>
        {
            await using var serving = await relay.RelayAsync(RelayInternet.Key(9), new() { Announce = false });
            _internet.Net.SetLink(s_client, s_server, new() { LossRate = 1 });
            await using var meeting = await RelayInternet.MeetAsync(client, server, serving.PublicKey);
            await _internet.Wait(40); // the first try has failed
            Assert.Equal((PeerPath.Relayed, PeerPath.Relayed), meeting.Paths);
            _internet.Net.SetLink(s_client, s_server, null);
            await _internet.WaitUntilAsync(() => meeting.Paths is (PeerPath.Punched, PeerPath.Punched), seconds: 120);
            await meeting.ExchangeAsync();
            Assert.Equal(0, serving.Statistics.Pairs);
        });
    }

    [Fact]
    public void The_tries_come_to_an_end_with_growing_pauses()
    {
        var (client, server, relay) = (_internet.AddBehind("7.0.0.1", NatOptions.PortRestricted), _internet.AddBehind("6.0.0.1", NatOptions.PortRestricted), _internet.AddOpen("5.9.0.1"));
        _internet.Run(async () =>
        {
            await using var serving = await relay.RelayAsync(RelayInternet.Key(9), new() { Announce = false });
            _internet.Net.SetLink(s_client, s_server, new() { LossRate = 1 });
            await using var listener = await server.ListenAsync(RelayInternet.Key(2));
            var steps = new Steps();
            await using var connection = await client.ConnectAsync(listener.PublicKey, new() { RelayThrough = serving.PublicKey, Progress = steps });
            await _internet.Wait(1800);
            var tries = steps.Where(s => s.Text.StartsWith("punching Consistent", StringComparison.Ordinal)).Select(s => s.Elapsed).ToArray();
            Assert.Equal(1 + 4, tries.Length);
            var pauses = tries.Skip(1).Zip(tries, (next, last) => next - last).ToArray();
            Assert.InRange(pauses[0].TotalSeconds, 20, 32); // ten of them are the try itself
            Assert.InRange(pauses[3].TotalSeconds, 90, 172);
            Assert.Equal(PeerPath.Relayed, connection.Path);
        });
    }

    /// <summary>A node sprays for one peer at a time: the other is told to try later.</summary>
    [Theory, InlineData(true), InlineData(false)]
    public void Whoever_is_told_to_try_later_is_relayed_now_and_punched_later(bool isServerBusy)
    {
        string busy = isServerBusy ? "6.0.0.1" : "7.0.0.1";
        var hub = _internet.AddBehind(busy, NatOptions.Symmetric);
        IDhtNode[] others = [_internet.AddBehind("8.0.0.1", NatOptions.PortRestricted), _internet.AddBehind("8.1.0.1", NatOptions.PortRestricted)];
        var relay = _internet.AddOpen("5.9.0.1");
        _internet.Run(async () =>
        {
            await using var serving = await relay.RelayAsync(RelayInternet.Key(9), new() { Announce = false });
            var through = new PeerConnectOptions { RelayThrough = serving.PublicKey };
            var connections = isServerBusy
                ? await ConnectToAsync(hub, others, through)
                : await Task.WhenAll(others.Select(async o => await hub.ConnectAsync((await o.ListenAsync()).PublicKey, through)));
            Assert.All(connections, c => Assert.True(c.Path is PeerPath.Relayed or PeerPath.Punched));
            await _internet.Wait(5);
            Assert.Equal(1, connections.Count(c => c.Path == PeerPath.Relayed));
            await _internet.WaitUntilAsync(() => connections.All(c => c.Path == PeerPath.Punched), seconds: 60);
        });
    }

    [Theory, InlineData(true), InlineData(false)]
    public void Without_a_relay_the_one_that_is_told_to_try_later_connects_later(bool isServerBusy)
    {
        static void WithoutRelays(PeerDhtOptions options) => options.FindRelays = false;
        var hub = _internet.AddBehind("6.0.0.1", NatOptions.Symmetric, WithoutRelays);
        IDhtNode[] others = [_internet.AddBehind("8.0.0.1", NatOptions.PortRestricted, WithoutRelays), _internet.AddBehind("8.1.0.1", NatOptions.PortRestricted, WithoutRelays)];
        _internet.Run(async () =>
        {
            var started = _internet.Net.Now;
            var options = new PeerConnectOptions { Timeout = TimeSpan.FromSeconds(60) };
            var connections = isServerBusy
                ? await ConnectToAsync(hub, others, options)
                : await Task.WhenAll(others.Select(async o => await hub.ConnectAsync((await o.ListenAsync()).PublicKey, options)));
            Assert.All(connections, c => Assert.Equal(PeerPath.Punched, c.Path));
            Assert.InRange((_internet.Net.Now - started).TotalSeconds, 10, 45);
        });
    }

    [Fact]
    public void Without_a_relay_and_without_time_it_is_told_why()
    {
        static void WithoutRelays(PeerDhtOptions options) => options.FindRelays = false;
        var hub = _internet.AddBehind("6.0.0.1", NatOptions.Symmetric, WithoutRelays);
        IDhtNode[] others = [_internet.AddBehind("8.0.0.1", NatOptions.PortRestricted, WithoutRelays), _internet.AddBehind("8.1.0.1", NatOptions.PortRestricted, WithoutRelays)];
        _internet.Run(async () =>
        {
            var error = await Assert.ThrowsAsync<PeerConnectException>(() => ConnectToAsync(hub, others, new() { Timeout = TimeSpan.FromSeconds(9) }));
            Assert.Equal(PeerConnectError.HolepunchBusy, error.Error);
        });
    }

    private static async Task<IPeerConnection[]> ConnectToAsync(IDhtNode server, IDhtNode[] clients, PeerConnectOptions options)
    {
        var listener = await server.ListenAsync();
        return await Task.WhenAll(clients.Select(c => c.ConnectAsync(listener.PublicKey, options)));
    }

    private sealed class Steps : ConcurrentQueue<PeerConnectStep>, IProgress<PeerConnectStep>
    {
        public void Report(PeerConnectStep value) => Enqueue(value);
    }
}
