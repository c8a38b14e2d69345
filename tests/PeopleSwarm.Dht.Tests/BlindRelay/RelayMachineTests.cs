using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Dht.TestKit;

namespace PeopleSwarm.Dht.BlindRelay;

public class RelayMachineTests
{
    private static readonly Topic s_token = new([.. Enumerable.Repeat((byte)0xcc, 32)]);

    [Fact]
    public void Messages_are_those_of_the_reference()
    {
        var vectors = PeerVectors.Vectors("blind_relay_messages").ToArray();
        Assert.Equal(3, vectors.Length);
        foreach (var vector in vectors)
        {
            string hex = vector.GetProperty("hex").GetString()!;
            var value = vector.GetProperty("value");
            var token = Topic.Parse(value.GetProperty("token").GetString()!);
            if (vector.GetProperty("type").GetString() == "unpair")
            {
                Assert.Equal(hex, Convert.ToHexStringLower(new UnpairMessage(token).Encode()));
                Assert.True(UnpairMessage.TryRead(Convert.FromHexString(hex), out var unpair));
                Assert.Equal(token, unpair.Token);
                continue;
            }
            var expected = new PairMessage(value.GetProperty("isInitiator").GetBoolean(), token, value.GetProperty("id").GetUInt32());
            Assert.Equal(hex, Convert.ToHexStringLower(expected.Encode()));
            Assert.True(PairMessage.TryRead(Convert.FromHexString(hex), out var pair));
            Assert.Equal(expected, pair);
            for (int length = 0; length < hex.Length / 2; length++)
                Assert.False(PairMessage.TryRead(Convert.FromHexString(hex).AsSpan(0, length), out _));
        }
    }

    [Fact]
    public void Two_of_one_token_are_linked_and_each_told_its_own_stream()
    {
        var relay = new Relay();
        var (a, b) = (relay.Join(), relay.Join());
        relay.Pair(a, true, 1);
        Assert.Equal((1, 0), (relay.Machine.Statistics.Waiting, relay.Machine.Statistics.Pairs));
        relay.Pair(b, false, 2);
        Assert.Equal((0, 1), (relay.Machine.Statistics.Waiting, relay.Machine.Statistics.Pairs));
        Assert.Equal([2u, 1u], relay.Streams.Select(s => s.RemoteIdWanted));
        Assert.Equal([new(true, s_token, relay.Streams[1].Stream.LocalId)], relay.Answers[a]);
        Assert.Equal([new(false, s_token, relay.Streams[0].Stream.LocalId)], relay.Answers[b]);
        Assert.Same(relay.Streams[1].Stream, relay.Streams[0].Stream.RelaysTo);
        Assert.Same(relay.Streams[0].Stream, relay.Streams[1].Stream.RelaysTo);
    }

    [Fact]
    public void A_second_wish_for_the_same_side_changes_nothing()
    {
        var relay = new Relay();
        var (a, b, c) = (relay.Join(), relay.Join(), relay.Join());
        relay.Pair(a, true, 1);
        relay.Pair(b, true, 2);
        relay.Pair(c, false, 3);
        Assert.Empty(relay.Answers[b]);
        Assert.Single(relay.Answers[a]);
        Assert.Equal(3u, relay.Streams[0].RemoteIdWanted);
    }

    [Fact]
    public void A_token_of_zeros_pairs_nobody()
    {
        var relay = new Relay();
        relay.Pair(relay.Join(), true, 1, default(Topic));
        relay.Pair(relay.Join(), false, 2, default(Topic));
        Assert.Empty(relay.Streams);
        Assert.Equal(2, relay.Machine.Statistics.Refused);
    }

    [Theory, InlineData("unpair"), InlineData("close"), InlineData("stream")]
    public void A_pair_ends_for_both_sides_and_the_token_is_free_again(string cause)
    {
        var relay = new Relay();
        var (a, b) = (relay.Join(), relay.Join());
        relay.Pair(a, true, 1);
        relay.Pair(b, false, 2);
        if (cause == "unpair") relay.Machine.Unpair(a, s_token);
        else if (cause == "close") relay.Machine.Close(a);
        else relay.Machine.OnStreamClosed(relay.Streams[0].Pair);
        Assert.All(relay.Streams, s => Assert.True(s.Stream.IsAborted));
        Assert.Equal((0, 0), (relay.Machine.Statistics.Pairs, relay.Machine.Statistics.Waiting));
        relay.Machine.OnStreamClosed(relay.Streams[0].Pair); // what was aborted closes, too
        relay.Pair(relay.Join(), true, 3);
        relay.Pair(relay.Join(), false, 4);
        relay.Machine.OnStreamClosed(relay.Streams[1].Pair);
        Assert.Equal(1, relay.Machine.Statistics.Pairs);
    }

    [Fact]
    public void A_lone_side_is_forgotten_after_a_while()
    {
        var relay = new Relay(new() { PairTimeout = TimeSpan.FromSeconds(30) });
        relay.Pair(relay.Join(), true, 1);
        relay.Now += TimeSpan.FromSeconds(29);
        relay.Machine.Expire(relay.Now);
        Assert.Equal(1, relay.Machine.Statistics.Waiting);
        relay.Now += TimeSpan.FromSeconds(1);
        relay.Pair(relay.Join(), false, 2);
        Assert.Empty(relay.Streams);
        Assert.Equal(1, relay.Machine.Statistics.Waiting);
    }

    [Fact]
    public void Clients_and_pairs_are_bounded()
    {
        var relay = new Relay(new() { MaxSessions = 3, MaxPairs = 5, MaxPairsPerSession = 2 });
        var clients = Enumerable.Range(0, 3).Select(_ => relay.Join()).ToArray();
        for (byte i = 0; i < 12; i++) relay.Pair(clients[i % 3], true, i, new([.. Enumerable.Repeat((byte)(i + 1), 32)]));
        Assert.Equal(5, relay.Machine.Statistics.Waiting);
        Assert.Null(relay.Machine.TryAccept(_ => { }, _ => { }, () => { }));
        Assert.Equal(8, relay.Machine.Statistics.Refused);
        relay.Machine.Close(clients[0]);
        Assert.Equal(3, relay.Machine.Statistics.Waiting);
        Assert.NotNull(relay.Machine.TryAccept(_ => { }, _ => { }, () => { }));
    }

    [Fact]
    public void Who_is_refused_for_want_of_room_is_told_and_so_is_the_side_that_waits()
    {
        var relay = new Relay(new() { MaxPairs = 2, MaxPairsPerSession = 1 });
        var (a, b, c) = (relay.Join(), relay.Join(), relay.Join());
        relay.Pair(a, true, 1);
        relay.Pair(b, true, 2, Token(2));
        relay.Pair(c, true, 3, Token(3)); // too many pairs
        Assert.Equal([Token(3)], relay.Refusals[c]);
        relay.Pair(b, false, 4); // too many of this client
        Assert.All([a, b], client => Assert.Equal([s_token], relay.Refusals[client]));
        Assert.Equal((1, 2), (relay.Machine.Statistics.Waiting, relay.Machine.Statistics.Refused));
        relay.Pair(c, true, 5);
        Assert.Equal(2, relay.Machine.Statistics.Waiting);
    }

    [Fact]
    public void Who_repeats_itself_or_is_forgotten_is_not_told_anything()
    {
        var relay = new Relay();
        var (a, b) = (relay.Join(), relay.Join());
        relay.Pair(a, true, 1);
        relay.Pair(b, true, 2); // the same side
        relay.Pair(a, false, 3); // both sides
        relay.Now += TimeSpan.FromHours(1);
        relay.Machine.Expire(relay.Now);
        Assert.Empty(relay.Refusals[a].Concat(relay.Refusals[b]));
    }

    [Fact]
    public void The_client_that_has_been_idle_longest_makes_room_for_another()
    {
        var relay = new Relay(new() { MaxSessions = 3 });
        var (busy, first, second) = (relay.Join(), relay.Join(), relay.Join());
        relay.Pair(busy, true, 1);
        relay.Pair(first, true, 2, new([.. Enumerable.Repeat((byte)9, 32)]));
        relay.Machine.Unpair(first, new([.. Enumerable.Repeat((byte)9, 32)])); // idle again, after the second
        relay.Join();
        Assert.Equal([second], relay.Ended);
        relay.Join();
        Assert.Equal([second, first], relay.Ended);
        Assert.Equal((3, 1, 0), (relay.Machine.Statistics.Sessions, relay.Machine.Statistics.Waiting, relay.Machine.Statistics.Refused));
    }

    [Fact]
    public void A_client_may_send_so_many_bytes_a_second_and_all_together_no_more_than_the_relay_gives()
    {
        var relay = new Relay(new() { BytesPerSecondPerSession = 10_000, BytesPerSecond = 15_000 });
        var (a, b) = (relay.Join(), relay.Join());
        relay.Pair(a, true, 1);
        relay.Pair(b, false, 2);
        var (fromB, fromA) = (relay.Streams[0].Stream.RelayFilter!, relay.Streams[1].Stream.RelayFilter!);
        Assert.Equal(10, Enumerable.Range(0, 20).Count(_ => fromA(1000)));
        Assert.Equal(5, Enumerable.Range(0, 20).Count(_ => fromB(1000)));
        Assert.Equal((15_000, 25), (relay.Machine.Statistics.Bytes, relay.Machine.Statistics.DroppedPackets));
        relay.Now += TimeSpan.FromSeconds(0.5);
        Assert.Equal(5, Enumerable.Range(0, 20).Count(_ => fromA(1000)));
        relay.Now += TimeSpan.FromSeconds(100);
        Assert.Equal(10, Enumerable.Range(0, 20).Count(_ => fromA(1000)));
    }

    [Fact]
    public void What_is_dropped_over_a_limit_is_told_once_a_minute()
    {
        var relay = new Relay(new() { BytesPerSecondPerSession = 10_000 });
        var (a, b) = (relay.Join(), relay.Join());
        relay.Pair(a, true, 1);
        relay.Pair(b, false, 2);
        var filter = relay.Streams[1].Stream.RelayFilter!;
        long Drop(int count)
        {
            for (int i = 0; i < count; i++) Assert.False(filter(20_000));
            return relay.Machine.TakeDropped(relay.Now);
        }
        Assert.Equal(0, Drop(0));
        Assert.Equal(3, Drop(3));
        Assert.Equal(0, Drop(4));
        relay.Now += TimeSpan.FromSeconds(60);
        Assert.Equal(6, Drop(2));
        Assert.Equal(0, Drop(0));
    }

    [Fact]
    public void A_node_without_room_for_streams_pairs_nobody()
    {
        var relay = new Relay { MaxStreams = 1 };
        var (a, b) = (relay.Join(), relay.Join());
        relay.Pair(a, true, 1);
        relay.Pair(b, false, 2);
        Assert.True(Assert.Single(relay.Streams).Stream.IsAborted);
        Assert.Empty(relay.Answers[a].Concat(relay.Answers[b]));
        Assert.All([a, b], client => Assert.Equal([s_token], relay.Refusals[client]));
        Assert.Equal((0, 0), (relay.Machine.Statistics.Pairs, relay.Machine.Statistics.Waiting));
    }

    private static Topic Token(byte number) => new([.. Enumerable.Repeat(number, 32)]);

    private sealed class Relay : IRelayStreams
    {
        public Relay(RelayOptions? options = null) => Machine = new(options ?? new(), this);

        public RelayMachine Machine { get; }

        public Timestamp Now { get; set; } = new(1_000_000);

        public int MaxStreams { get; init; } = int.MaxValue;

        public List<(FakeStream Stream, RelayPair Pair, uint RemoteIdWanted)> Streams { get; } = [];

        public Dictionary<RelaySession, List<PairMessage>> Answers { get; } = [];

        public Dictionary<RelaySession, List<Topic>> Refusals { get; } = [];

        /// <summary>Clients that had to make room.</summary>
        public List<RelaySession> Ended { get; } = [];

        public RelaySession Join()
        {
            var answers = new List<PairMessage>();
            RelaySession? session = null;
            var refusals = new List<Topic>();
            session = Machine.TryAccept(answers.Add, refusal => refusals.Add(refusal.Token), () => Ended.Add(session!))!;
            (Answers[session], Refusals[session]) = (answers, refusals);
            return session;
        }

        public void Pair(RelaySession session, bool isInitiator, uint id, Topic? token = null) =>
            Machine.Pair(Now, session, new(isInitiator, token ?? s_token, id));

        public IReliableStream? Create(RelayPair pair, uint remoteId)
        {
            if (Streams.Count >= MaxStreams) return null;
            var stream = new FakeStream((uint)(100 + Streams.Count), new());
            Streams.Add((stream, pair, remoteId));
            return stream;
        }
    }
}
