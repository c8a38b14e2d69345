namespace PeopleSwarm.Testing.Relays;

/// <summary>Relays without room: their clients learn it at once and go elsewhere.</summary>
[Collection<AloneOnThePool>]
public sealed class RelayRefusalTests : IDisposable
{
    private readonly RelayInternet _internet = new(seed: 5);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => _internet.Dispose();

    [Theory, InlineData(true), InlineData(false)]
    public void A_relay_without_room_for_a_pair_is_given_up_at_once_with_the_reason(bool isClientsChoice)
    {
        var (relay, others, client, server) = (_internet.AddOpen("5.9.0.1"), Pair("8.0.0"), Behind("7.0.0.1"), Behind("6.0.0.1"));
        _internet.Run(async () =>
        {
            await using var serving = await relay.RelayAsync(RelayInternet.Key(9), new() { Announce = false, MaxPairs = 1 }, Cancel);
            await using var first = await RelayInternet.MeetAsync(others.Client, others.Server, serving.PublicKey);
            var started = _internet.Net.Now;
            var error = await Assert.ThrowsAsync<PeerConnectException>(() =>
                RelayInternet.MeetAsync(client, server, isClientsChoice ? serving.PublicKey : null, isClientsChoice ? null : serving.PublicKey));
            Assert.Equal(PeerConnectError.RelayAborted, error.Error);
            Assert.Contains("refused to pair us", error.Message);
            Assert.Contains("relay: it refused to pair us", string.Join('\n', error.Attempts));
            Assert.InRange(_internet.Net.Now - started, TimeSpan.Zero, TimeSpan.FromSeconds(5));
            await first.ExchangeAsync(); // nobody took its place
        });
    }

    [Fact]
    public void A_relay_without_room_for_a_client_is_given_up_at_once()
    {
        var (relay, others, client, server) = (_internet.AddOpen("5.9.0.1"), Pair("8.0.0"), Behind("7.0.0.1"), Behind("6.0.0.1"));
        _internet.Run(async () =>
        {
            await using var serving = await relay.RelayAsync(RelayInternet.Key(9), new() { Announce = false, MaxSessions = 2 }, Cancel);
            await using var first = await RelayInternet.MeetAsync(others.Client, others.Server, serving.PublicKey);
            var started = _internet.Net.Now;
            var error = await Assert.ThrowsAsync<PeerConnectException>(() => RelayInternet.MeetAsync(client, server, serving.PublicKey));
            Assert.Equal(PeerConnectError.RelayAborted, error.Error);
            Assert.InRange(_internet.Net.Now - started, TimeSpan.Zero, TimeSpan.FromSeconds(5));
        });
    }

    [Theory, InlineData(1), InlineData(2), InlineData(3)]
    public void A_client_that_finds_its_relays_itself_goes_on_to_one_that_has_room(int seed)
    {
        using var internet = new RelayInternet(seed);
        var (full, free, others) = (internet.AddOpen("5.9.0.1"), internet.AddOpen("5.9.1.1"), (Client: Behind("8.0.0.1", internet), Server: Behind("8.0.0.2", internet)));
        var (client, server) = (Behind("7.0.0.1", internet), Behind("6.0.0.1", internet));
        internet.Run(async () =>
        {
            await using var refusing = await full.RelayAsync(RelayInternet.Key(9), new() { MaxPairs = 1 }, Cancel);
            await using var first = await RelayInternet.MeetAsync(others.Client, others.Server, refusing.PublicKey);
            await internet.Wait(5);
            await using var listener = await server.ListenAsync(RelayInternet.Key(3), cancellationToken: Cancel);
            var refused = await Assert.ThrowsAsync<PeerConnectException>(() => client.ConnectAsync(RelayInternet.Key(3).PublicKey, new() { RelayThrough = refusing.PublicKey }, Cancel));
            Assert.Equal(PeerConnectError.RelayAborted, refused.Error);
            await using var serving = await free.RelayAsync(RelayInternet.Key(10), new(), Cancel);
            await internet.Wait(5);

            var started = internet.Net.Now;
            await using var connection = await client.ConnectAsync(RelayInternet.Key(3).PublicKey, cancellationToken: Cancel);
            Assert.Equal(PeerPath.Relayed, connection.Path);
            Assert.InRange(internet.Net.Now - started, TimeSpan.Zero, TimeSpan.FromSeconds(10));
            Assert.Equal(1, serving.Statistics.Pairs);
        });
    }

    private (IDhtNode Client, IDhtNode Server) Pair(string network) => (Behind($"{network}.1"), Behind($"{network}.2"));

    private IDhtNode Behind(string nat, RelayInternet? internet = null) => (internet ?? _internet).AddBehind(nat, NatOptions.Symmetric);
}
