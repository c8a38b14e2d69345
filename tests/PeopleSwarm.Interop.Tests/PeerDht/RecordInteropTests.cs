using System.Text.Json;
using PeopleSwarm.Interop.Harness;

namespace PeopleSwarm.Interop.PeerDht;

/// <summary>Values put and got across implementations (pitfalls A3, B15, G9).</summary>
public class RecordInteropTests
{
    private const byte Seed = 1;
    private static readonly int[] s_sizes = [0, 1, 252, 253, 1000, 1850, 1900];
    private static readonly int[] s_mutableSizes = [0, 1, 252, 253, 1000, 1774];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>Who stores.</summary>
    public enum Nodes { Npm, Ours, Mixed }

    [Theory, InlineData(Nodes.Npm), InlineData(Nodes.Ours), InlineData(Nodes.Mixed)]
    public async Task U12_immutable_values_of_every_size_pass_in_all_four_pairings(Nodes kind)
    {
        await using var network = await Network.StartAsync(kind);
        foreach (int size in s_sizes)
        {
            var (theirs, ours) = (TestBytes.Create(2 * size + 1, size), TestBytes.Create(2 * size + 2, size));
            network.Npm.Send(new { command = "putImmutable", value = Convert.ToHexStringLower(theirs) });
            string key = (await network.Npm.ReadAsync("put")).GetProperty("key").GetString()!;
            var put = await network.Our.PutImmutableAsync(ours, cancellationToken: Cancel);
            Assert.InRange(put.Query.Committed, 3, network.Count);

            Assert.Equal(theirs, (await network.Our.GetImmutableAsync(NodeId.Parse(key), cancellationToken: Cancel))!.Value.ToArray());
            Assert.Equal(ours, (await network.Our.GetImmutableAsync(put.Target, cancellationToken: Cancel))!.Value.ToArray());
            foreach (var (target, value) in ((string, byte[])[])[(key, theirs), (put.Target.ToString(), ours)])
            {
                network.Npm.Send(new { command = "getImmutable", key = target });
                Assert.Equal(Convert.ToHexStringLower(value), (await network.Npm.ReadAsync("got")).GetProperty("value").GetString());
            }
        }
        Assert.Null(await network.Our.GetImmutableAsync(default, cancellationToken: Cancel));
    }

    [Theory, InlineData(Nodes.Npm), InlineData(Nodes.Ours), InlineData(Nodes.Mixed)]
    public async Task U12_mutable_values_replace_each_other_whoever_puts_them(Nodes kind)
    {
        await using var network = await Network.StartAsync(kind);
        var keyPair = OurNodes.Key(Seed);
        long seq = 0;
        foreach (int size in s_mutableSizes)
        {
            var (theirs, ours) = (TestBytes.Create(size + 1, size), TestBytes.Create(size + 2, size));
            var signature = await PutAsync(network, theirs, seq);
            var found = (await network.Our.GetMutableAsync(keyPair.PublicKey, cancellationToken: Cancel))!;
            Assert.Equal((seq, signature), (found.Seq, Convert.ToHexStringLower(found.Signature.Span)));
            Assert.Equal(theirs, found.Value.ToArray());

            var put = await network.Our.PutMutableAsync(keyPair, ours, ++seq, cancellationToken: Cancel);
            Assert.InRange(put.Query.Committed, 3, network.Count);
            var got = await GetAsync(network);
            Assert.Equal((seq, Convert.ToHexStringLower(ours)), (got.GetProperty("seq").GetInt64(), got.GetProperty("value").GetString()));
            Assert.Equal(Convert.ToHexStringLower(put.Signature.Span), got.GetProperty("signature").GetString());
            seq += 60_000; // through all widths of the integer but the widest
        }
        await network.Our.PutMutableAsync(keyPair, "last"u8.ToArray(), MutableRecord.MaxSeq, cancellationToken: Cancel); // A2
        Assert.Equal(MutableRecord.MaxSeq, (await GetAsync(network)).GetProperty("seq").GetInt64());
    }

    [Theory, InlineData(Nodes.Npm), InlineData(Nodes.Ours)]
    public async Task G9_sequence_numbers_are_kept_alike(Nodes kind)
    {
        await using var network = await Network.StartAsync(kind);
        var keyPair = OurNodes.Key(Seed);
        await PutAsync(network, "five"u8.ToArray(), 5);
        var low = await Assert.ThrowsAsync<DhtException>(() => network.Our.PutMutableAsync(keyPair, "four"u8.ToArray(), 4, cancellationToken: Cancel));
        var reused = await Assert.ThrowsAsync<DhtException>(() => network.Our.PutMutableAsync(keyPair, "other"u8.ToArray(), 5, cancellationToken: Cancel));
        Assert.Equal((DhtError.SeqTooLow, DhtError.SeqReused), (low.Error, reused.Error));
        await network.Our.PutMutableAsync(keyPair, "five"u8.ToArray(), 5, cancellationToken: Cancel);
        await PutAsync(network, "three"u8.ToArray(), 3); // npm does not tell that it was refused
        Assert.Equal("five"u8.ToArray(), (await network.Our.GetMutableAsync(keyPair.PublicKey, cancellationToken: Cancel))!.Value.ToArray());
        Assert.Null(await network.Our.GetMutableAsync(keyPair.PublicKey, new() { MinimumSeq = 6 }, Cancel));
        Assert.Equal(JsonValueKind.Null, (await GetAsync(network, seq: 6)).GetProperty("value").ValueKind);
    }

    [Theory, InlineData(Nodes.Npm), InlineData(Nodes.Ours)]
    public async Task The_latest_is_found_among_older_ones_and_the_first_answer_where_that_is_wanted(Nodes kind)
    {
        await using var network = await Network.StartAsync(kind);
        var keyPair = OurNodes.Key(Seed);
        var (one, other) = (network.Storing[1], network.Storing[2]);
        await PutAsync(network, "old"u8.ToArray(), 1);
        await PutAsync(network, "new"u8.ToArray(), 2, one);
        var latest = (await network.Our.GetMutableAsync(keyPair.PublicKey, cancellationToken: Cancel))!;
        Assert.Equal((2L, one), (latest.Seq, latest.From.ToString()));
        Assert.Equal(2, (await GetAsync(network)).GetProperty("seq").GetInt64());
        var first = new MutableGetOptions { Latest = false, Query = new() { Nodes = [UdpEndPoint.Parse(other)], OnlyGivenNodes = true } };
        Assert.Equal(1, (await network.Our.GetMutableAsync(keyPair.PublicKey, first, Cancel))!.Seq);
        await network.Our.PutMutableAsync(latest, cancellationToken: Cancel);
        Assert.Equal(2, (await network.Our.GetMutableAsync(keyPair.PublicKey, first, Cancel))!.Seq);
        Assert.Equal(2, (await GetAsync(network, nodes: other, latest: false)).GetProperty("seq").GetInt64());
    }

    [Fact]
    public async Task What_npm_puts_on_one_of_our_nodes_another_npm_peer_gets_there()
    {
        await using var network = await Network.StartAsync(Nodes.Ours);
        await using var reader = await Network.StartNpmAsync(network.Storing[..1]);
        string node = network.Storing[1];
        network.Npm.Send(new { command = "putImmutable", value = "00ff", nodes = (string[])[node] });
        string key = (await network.Npm.ReadAsync("put")).GetProperty("key").GetString()!;
        reader.Send(new { command = "getImmutable", key, nodes = (string[])[node] });
        var got = await reader.ReadAsync("got");
        Assert.Equal(("00ff", node), (got.GetProperty("value").GetString(), got.GetProperty("from").GetString()));
        reader.Send(new { command = "getImmutable", key, nodes = (string[])[network.Storing[2]] });
        Assert.Equal(JsonValueKind.Null, (await reader.ReadAsync("got")).GetProperty("value").ValueKind);
    }

    private static async Task<string> PutAsync(Network network, byte[] value, long seq, string? node = null)
    {
        network.Npm.Send(new { command = "putMutable", seed = Seed, value = Convert.ToHexStringLower(value), seq, nodes = node is null ? null : (string[])[node] });
        return (await network.Npm.ReadAsync("put")).GetProperty("signature").GetString()!;
    }

    private static async Task<JsonElement> GetAsync(Network network, long seq = 0, string? nodes = null, bool latest = true)
    {
        network.Npm.Send(new { command = "getMutable", key = OurNodes.Key(Seed).PublicKey.ToString(), seq, latest, nodes = nodes is null ? null : (string[])[nodes] });
        return await network.Npm.ReadAsync("got");
    }

    /// <summary>Storing nodes of one kind or both, and a guest of each kind.</summary>
    private sealed class Network : IAsyncDisposable
    {
        private readonly OurNodes _ours = new();
        private NpmTestnet? _testnet;

        public IDhtNode Our { get; private set; } = null!;

        public NodePeer Npm { get; private set; } = null!;

        public string[] Storing { get; private set; } = [];

        public int Count => Storing.Length;

        public static async Task<Network> StartAsync(Nodes kind)
        {
            Harness.Npm.RequireNode();
            var network = new Network();
            if (kind == Nodes.Ours)
            {
                await network._ours.AddBootstrapperAsync();
                for (int i = 0; i < 3; i++) await network._ours.AddAsync(o => o.Ephemeral = EphemeralMode.Never);
                network.Storing = network._ours.Addresses;
            }
            else
            {
                network._testnet = await NpmTestnet.StartAsync(kind == Nodes.Npm ? 5 : 3);
                var bootstrap = network._testnet.Bootstrap;
                for (int i = 0; i < (kind == Nodes.Mixed ? 3 : 0); i++) await network._ours.AddAsync(o => o.Ephemeral = EphemeralMode.Never, bootstrap);
                network.Storing = [.. network._testnet.Nodes.Select(n => n.ToString()), .. network._ours.Addresses];
            }
            network.Our = await network._ours.AddGuestAsync([UdpEndPoint.Parse(network.Storing[0])]);
            network.Npm = await StartNpmAsync(network.Storing[..1]);
            return network;
        }

        public static async Task<NodePeer> StartNpmAsync(string[] bootstrap) => (await NodePeer.StartReadyAsync("hyperdht/records.js", new { bootstrap })).Peer;

        public async ValueTask DisposeAsync()
        {
            await Npm.DisposeAsync();
            await _ours.DisposeAsync();
            if (_testnet is not null) await _testnet.DisposeAsync();
        }
    }
}
