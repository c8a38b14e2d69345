using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Dht.TestKit;

namespace PeopleSwarm.Dht.Node;

/// <summary>Values over loopback sockets.</summary>
public class RecordNodeTests
{
    private static readonly KeyPair s_key = PeerKit.Key(1);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Immutable_values_of_every_size_come_back()
    {
        await using var nodes = await LoopbackNodes.StartAsync(5, Cancel);
        foreach (int size in (int[])[0, 1, 252, 253, 1000, 1850, ImmutableRecord.MaxValueSize])
        {
            var value = new byte[size];
            new Random(size).NextBytes(value);
            var put = await nodes.Nodes[1].PutImmutableAsync(value, cancellationToken: Cancel);
            Assert.Equal(ImmutableTarget.Of(PeerKit.Crypto, value), put.Target);
            Assert.InRange(put.Query.Committed, 3, 5);
            var found = await nodes.Nodes[4].GetImmutableAsync(put.Target, cancellationToken: Cancel);
            Assert.Equal((put.Target, size), (found!.Target, found.Value.Length));
            Assert.Equal(value, found.Value.ToArray());
            Assert.Contains(found.From, put.Query.ClosestNodes.Append(nodes.Nodes[1].Status.LocalEndPoint));
        }
        Assert.Null(await nodes.Nodes[2].GetImmutableAsync(new(new byte[32]), cancellationToken: Cancel));
    }

    [Fact]
    public async Task Mutable_values_of_every_size_and_sequence_number_come_back()
    {
        await using var nodes = await LoopbackNodes.StartAsync(5, Cancel);
        (int Size, long Seq)[] cases = [(0, 0), (5, 1), (1774, 252), (1000, 65_536), (MutableRecord.MaxValueSize, MutableRecord.MaxSeq)];
        foreach (var (size, seq) in cases)
        {
            var value = new byte[size];
            new Random(size).NextBytes(value);
            var put = await nodes.Nodes[1].PutMutableAsync(s_key, value, seq, cancellationToken: Cancel);
            Assert.Equal((s_key.PublicKey, seq), (put.PublicKey, put.Seq));
            Assert.InRange(put.Query.Committed, 3, 5);
            var found = await nodes.Nodes[4].GetMutableAsync(s_key.PublicKey, cancellationToken: Cancel);
            Assert.Equal((s_key.PublicKey, seq), (found!.PublicKey, found.Seq));
            Assert.Equal(value, found.Value.ToArray());
            Assert.Equal(put.Signature.ToArray(), found.Signature.ToArray());
        }
        Assert.Null(await nodes.Nodes[4].GetMutableAsync(PeerKit.Key(2).PublicKey, cancellationToken: Cancel));
    }

    [Fact]
    public async Task S17_a_put_against_a_newer_value_fails_and_stores_nothing()
    {
        await using var nodes = await LoopbackNodes.StartAsync(4, Cancel);
        var node = nodes.Nodes[1];
        await node.PutMutableAsync(s_key, "five"u8.ToArray(), 5, cancellationToken: Cancel);
        var low = await Assert.ThrowsAsync<DhtException>(() => node.PutMutableAsync(s_key, "four"u8.ToArray(), 4, cancellationToken: Cancel));
        Assert.Equal(DhtError.SeqTooLow, low.Error);
        Assert.Contains("5", low.Message, StringComparison.Ordinal);
        var reused = await Assert.ThrowsAsync<DhtException>(() => node.PutMutableAsync(s_key, "other"u8.ToArray(), 5, cancellationToken: Cancel));
        Assert.Equal(DhtError.SeqReused, reused.Error);
        await node.PutMutableAsync(s_key, "five"u8.ToArray(), 5, cancellationToken: Cancel);
        Assert.Null(await node.GetMutableAsync(s_key.PublicKey, new() { MinimumSeq = 6 }, Cancel));
        Assert.Equal("five"u8.ToArray(), (await node.GetMutableAsync(s_key.PublicKey, new() { MinimumSeq = 5 }, Cancel))!.Value.ToArray());
    }

    [Fact]
    public async Task A_put_is_not_made_where_one_node_alone_has_seen_a_newer_value()
    {
        await using var nodes = await LoopbackNodes.StartAsync(4, Cancel);
        var newest = nodes.Nodes[3].Status.LocalEndPoint;
        await nodes.Nodes[1].PutMutableAsync(s_key, "new"u8.ToArray(), 9, new() { Nodes = [newest], OnlyGivenNodes = true }, Cancel);
        var low = await Assert.ThrowsAsync<DhtException>(() => nodes.Nodes[1].PutMutableAsync(s_key, "old"u8.ToArray(), 8, cancellationToken: Cancel));
        Assert.Equal(DhtError.SeqTooLow, low.Error);
        var others = new MutableGetOptions { Query = new() { Nodes = [nodes.Nodes[0].Status.LocalEndPoint, nodes.Nodes[2].Status.LocalEndPoint], OnlyGivenNodes = true } };
        Assert.Null(await nodes.Nodes[1].GetMutableAsync(s_key.PublicKey, others, Cancel));
    }

    [Fact]
    public async Task The_latest_value_is_found_where_most_nodes_have_an_older_one_and_can_be_brought_to_them()
    {
        await using var nodes = await LoopbackNodes.StartAsync(6, Cancel);
        var node = nodes.Nodes[1];
        await node.PutMutableAsync(s_key, "old"u8.ToArray(), 1, cancellationToken: Cancel);
        await node.PutMutableAsync(s_key, "new"u8.ToArray(), 2, new() { Nodes = [nodes.Nodes[3].Status.LocalEndPoint], OnlyGivenNodes = true }, Cancel);
        var latest = (await node.GetMutableAsync(s_key.PublicKey, cancellationToken: Cancel))!;
        Assert.Equal((2L, nodes.Nodes[3].Status.LocalEndPoint), (latest.Seq, latest.From));
        var elsewhere = new MutableGetOptions { Latest = false, Query = new() { Nodes = [nodes.Nodes[4].Status.LocalEndPoint], OnlyGivenNodes = true } };
        Assert.Equal(1, (await node.GetMutableAsync(s_key.PublicKey, elsewhere, Cancel))!.Seq);
        Assert.InRange((await nodes.Nodes[5].PutMutableAsync(latest, cancellationToken: Cancel)).Query.Committed, 4, 6); // by anybody, as it was signed
        Assert.Equal("new"u8.ToArray(), (await node.GetMutableAsync(s_key.PublicKey, elsewhere, Cancel))!.Value.ToArray());
    }

    [Fact]
    public async Task Answers_that_are_forged_are_not_believed()
    {
        var forger = new ForgingOverlay();
        await using var nodes = new LoopbackNodes();
        await nodes.AddBootstrapper().WhenBootstrappedAsync(Cancel);
        for (int i = 0; i < 2; i++) await nodes.Add(o => o.Ephemeral = EphemeralMode.Never).WhenBootstrappedAsync(Cancel);
        var liar = nodes.Add(o => (o.Ephemeral, o.ServePeers) = (EphemeralMode.Never, false), forger.AddTo);
        await liar.WhenBootstrappedAsync(Cancel);
        var node = nodes.Nodes[1];

        var target = ImmutableTarget.Of(PeerKit.Crypto, "value"u8);
        forger.Answer = "another value"u8.ToArray();
        Assert.Null(await node.GetImmutableAsync(target, cancellationToken: Cancel));
        await node.PutImmutableAsync("value"u8.ToArray(), cancellationToken: Cancel);
        Assert.Equal("value"u8.ToArray(), (await node.GetImmutableAsync(target, cancellationToken: Cancel))!.Value.ToArray());

        var forged = PeerKit.SignMutable(s_key, "forged"u8, 7)[PublicKey.Size..];
        forged[^1] ^= 1;
        forger.Answer = forged;
        Assert.Null(await node.GetMutableAsync(s_key.PublicKey, cancellationToken: Cancel));
        await node.PutMutableAsync(s_key, "true"u8.ToArray(), 3, cancellationToken: Cancel); // a forged higher number does not stand against it
        Assert.Equal(3, (await node.GetMutableAsync(s_key.PublicKey, cancellationToken: Cancel))!.Seq);

        forger.Answer = PeerKit.SignMutable(s_key, "stale"u8, 2)[PublicKey.Size..]; // signed, but not what was asked for
        Assert.Null(await node.GetMutableAsync(s_key.PublicKey, new() { MinimumSeq = 4 }, Cancel));
        Assert.True(forger.Asked > 6);
    }

    [Fact]
    public async Task Values_and_announcements_can_be_signed_by_somebody_else()
    {
        await using var nodes = await LoopbackNodes.StartAsync(4, Cancel);
        var node = nodes.Nodes[1];
        var asked = new List<SignatureRequest>();
        var absent = new KeyPair(s_key.PublicKey, async (request, cancellationToken) =>
        {
            await Task.Delay(10, cancellationToken);
            lock (asked) asked.Add(request);
            var signature = new byte[64];
            PeerKit.Crypto.Sign(s_key, request.Signable.Span, signature);
            return signature;
        });
        await node.PutMutableAsync(absent, "signed elsewhere"u8.ToArray(), 3, cancellationToken: Cancel);
        Assert.Equal("signed elsewhere"u8.ToArray(), (await node.GetMutableAsync(s_key.PublicKey, cancellationToken: Cancel))!.Value.ToArray());
        var mutable = Assert.Single(asked);
        Assert.Equal((SignaturePurpose.MutableValue, 3L, PeerKit.Target(s_key)), (mutable.Purpose, mutable.Seq, mutable.Target));

        var topic = Topic.Parse(new string('b', 64));
        await using (var announce = node.Announce(topic, absent)) Assert.InRange((await announce.FinishAsync(Cancel)).Committed, 3, 4);
        Assert.Contains(s_key.PublicKey, await LookupAsync(nodes.Nodes[2], topic));
        var announcements = asked.Where(r => r.Purpose == SignaturePurpose.Announce).ToArray();
        Assert.Equal(announcements.Length, announcements.Select(r => r.StoringNode).Distinct().Count());
        await using (var again = node.Announce(topic, absent, new() { Clear = true })) await again.FinishAsync(Cancel);
        Assert.Contains(asked, r => r.Purpose == SignaturePurpose.Unannounce);
        await using (var withdraw = node.LookupAndUnannounce(topic, absent)) await withdraw.FinishAsync(Cancel);
        Assert.Empty(await LookupAsync(nodes.Nodes[2], topic));
    }

    [Fact]
    public async Task A_signature_function_that_fails_is_told()
    {
        await using var nodes = await LoopbackNodes.StartAsync(3, Cancel);
        var node = nodes.Nodes[1];
        var thrower = new KeyPair(s_key.PublicKey, (_, _) => throw new InvalidOperationException("no card in the reader"));
        var liar = new KeyPair(s_key.PublicKey, (_, _) => new(new byte[64]));
        foreach (var (keyPair, words) in ((KeyPair, string)[])[(thrower, "no card in the reader"), (liar, "no signature")])
        {
            var put = await Assert.ThrowsAsync<DhtException>(() => node.PutMutableAsync(keyPair, "value"u8.ToArray(), cancellationToken: Cancel));
            Assert.Equal(DhtError.SigningFailed, put.Error);
            Assert.Contains(words, put.Message, StringComparison.Ordinal);
            var announce = await Assert.ThrowsAsync<DhtException>(() => node.Announce(Topic.Parse(new string('c', 64)), keyPair).FinishAsync(Cancel));
            Assert.Equal(DhtError.SigningFailed, announce.Error);
        }
        await Assert.ThrowsAsync<ArgumentException>("keyPair", () => node.ListenAsync(thrower, cancellationToken: Cancel));
    }

    [Fact]
    public async Task A_callers_mistake_names_the_argument_and_the_rule()
    {
        await using var nodes = new LoopbackNodes();
        var node = nodes.Add(_ => { });
        var publicOnly = new KeyPair(s_key.PublicKey, default(ReadOnlySpan<byte>));
        var large = await Assert.ThrowsAsync<ArgumentException>("value", () => node.PutImmutableAsync(new byte[ImmutableRecord.MaxValueSize + 1], cancellationToken: Cancel));
        Assert.Contains("1938", large.Message, StringComparison.Ordinal);
        large = await Assert.ThrowsAsync<ArgumentException>("value", () => node.PutMutableAsync(s_key, new byte[MutableRecord.MaxValueSize + 1], cancellationToken: Cancel));
        Assert.Contains("1830", large.Message, StringComparison.Ordinal);
        foreach (long seq in (long[])[-1, MutableRecord.MaxSeq + 1])
        {
            var range = await Assert.ThrowsAsync<ArgumentOutOfRangeException>("seq", () => node.PutMutableAsync(s_key, default, seq, cancellationToken: Cancel));
            Assert.Contains("2^53", range.Message, StringComparison.Ordinal);
            await Assert.ThrowsAsync<ArgumentOutOfRangeException>("options", () => node.GetMutableAsync(s_key.PublicKey, new() { MinimumSeq = seq }, Cancel));
        }
        await Assert.ThrowsAsync<ArgumentException>("keyPair", () => node.PutMutableAsync(publicOnly, default, cancellationToken: Cancel));
        await Assert.ThrowsAsync<ArgumentNullException>("keyPair", () => node.PutMutableAsync((KeyPair)null!, default, cancellationToken: Cancel));
        var unsigned = new MutableRecord(null!, s_key.PublicKey, 1, default, new byte[64]);
        await Assert.ThrowsAsync<ArgumentException>("record", () => node.PutMutableAsync(unsigned, cancellationToken: Cancel));
        Assert.Equal(default, node.Status.LocalEndPoint); // nothing was started
    }

    [Fact]
    public async Task Where_nobody_answers_a_get_fails_instead_of_finding_nothing()
    {
        await using var nodes = new LoopbackNodes();
        var node = nodes.AddBootstrapper();
        await node.WhenBootstrappedAsync(Cancel);
        Assert.Equal(DhtError.TooFewNodes, (await Assert.ThrowsAsync<DhtException>(() => node.GetImmutableAsync(default, cancellationToken: Cancel))).Error);
        Assert.Equal(DhtError.TooFewNodes, (await Assert.ThrowsAsync<DhtException>(() => node.GetMutableAsync(s_key.PublicKey, cancellationToken: Cancel))).Error);
        Assert.Equal(DhtError.TooFewNodes, (await Assert.ThrowsAsync<DhtException>(() => node.PutImmutableAsync(default, cancellationToken: Cancel))).Error);
    }

    private static async Task<PublicKey[]> LookupAsync(IDhtNode node, Topic topic)
    {
        var keys = new HashSet<PublicKey>();
        await using var query = node.Lookup(topic);
        await foreach (var reply in query.WithCancellation(Cancel)) keys.UnionWith(reply.Peers.Select(p => p.PublicKey));
        return [.. keys];
    }
}
