using Microsoft.Extensions.DependencyInjection;

namespace PeopleSwarm.Testing;

/// <summary>Values of the DHT on a simulated internet that loses and is cut.</summary>
[Collection<AloneOnThePool>]
public sealed class SimulatedRecordsTests : IDisposable
{
    private const int Count = 16;
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(30);
    private static readonly KeyPair s_key = KeyPair.FromSeed(Enumerable.Repeat((byte)1, 32).ToArray());
    private readonly List<ServiceProvider> _computers = [];
    private readonly List<SimulatedHost> _hosts = [];
    private SimulatedNetwork _net = new(0);

    public void Dispose() => _net.Run(async () =>
    {
        foreach (var computer in Enumerable.Reverse(_computers)) await computer.DisposeAsync();
    }, s_limit);

    [Theory, InlineData(1), InlineData(2), InlineData(3)]
    public void Values_are_stored_and_found_although_every_fifth_datagram_is_lost(long seed)
    {
        Grow(seed);
        _net.LossRate = 0.2;
        _net.Run(async () =>
        {
            for (int round = 0; round < 4; round++)
            {
                var value = new byte[round * 600];
                _net.Random.Fork(round).Fill(value);
                var put = await Node(round).PutImmutableAsync(value);
                Assert.InRange(put.Query.Committed, Count / 2, Count);
                Assert.Equal(value, (await Node(Count - 1 - round).GetImmutableAsync(put.Target))!.Value.ToArray());
                await Node(round).PutMutableAsync(s_key, value.AsMemory(0, round), round);
                Assert.Equal(round, (await Node(Count - 1 - round).GetMutableAsync(s_key.PublicKey))!.Seq);
            }
        }, s_limit);
    }

    [Theory, InlineData(4), InlineData(5)]
    public void What_was_put_on_one_side_of_a_cut_is_the_latest_on_both_when_it_heals(long seed)
    {
        Grow(seed);
        _net.Run(async () =>
        {
            await Node(1).PutMutableAsync(s_key, "before"u8.ToArray(), 1);
            _net.Partition(_hosts.Take(Count / 2), _hosts.Skip(Count / 2));
            await Node(1).PutMutableAsync(s_key, "during"u8.ToArray(), 2);
            Assert.Equal(1, (await Node(Count - 1).GetMutableAsync(s_key.PublicKey))!.Seq); // the other side cannot know
            _net.Heal();
            var latest = (await Node(Count - 1).GetMutableAsync(s_key.PublicKey))!;
            Assert.Equal("during"u8.ToArray(), latest.Value.ToArray());
            var refused = await Assert.ThrowsAsync<DhtException>(() => Node(Count - 2).PutMutableAsync(s_key, "late"u8.ToArray(), 1, cancellationToken: TestContext.Current.CancellationToken));
            Assert.Equal(DhtError.SeqTooLow, refused.Error);
            Assert.InRange((await Node(Count - 1).PutMutableAsync(latest)).Query.Committed, Count - 2, Count);
            foreach (var node in _computers.Take(4).Concat(_computers.TakeLast(4)).Select(c => c.GetRequiredService<IDhtNode>()))
                Assert.Equal(2, (await node.GetMutableAsync(s_key.PublicKey, new() { Latest = false }))!.Seq); // whoever answers first
        }, s_limit);
    }

    private IDhtNode Node(int index) => _computers[index].GetRequiredService<IDhtNode>();

    private void Grow(long seed)
    {
        _net = new(seed) { Latency = TimeSpan.FromMilliseconds(30), Jitter = TimeSpan.FromMilliseconds(10) };
        for (int i = 0; i < Count; i++)
        {
            string address = $"5.{i + 1}.0.1";
            var host = _net.AddHost(address);
            _hosts.Add(host);
            _computers.Add(new ServiceCollection().AddSimulatedInternet(_net, host).AddDht(o =>
            {
                o.Bootstrap = ["5.1.0.1:49737"];
                if (address == "5.1.0.1") (o.Host, o.IsBootstrapper) = (address, true);
                else o.Ephemeral = EphemeralMode.Never;
            }).BuildServiceProvider());
        }
        _net.Run(async () =>
        {
            foreach (var computer in _computers) await computer.GetRequiredService<IDhtNode>().WhenBootstrappedAsync();
        }, s_limit);
    }
}
