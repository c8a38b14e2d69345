using System.Text;
using System.Text.Json;
using PeopleSwarm.Protomux.Protocol;

namespace PeopleSwarm.Protomux;

public class MuxMachineTests
{
    private static readonly ProtomuxOptions s_options = new();

    [Fact]
    public void A_blind_relay_client_writes_the_captured_frames()
    {
        var wire = Vectors.Section("blind_relay_wire");
        byte[] id = Convert.FromHexString(wire.GetProperty("client1_channel_id").GetString()!);
        string[] frames = [.. wire.GetProperty("client1_frames").EnumerateArray().Select(f => f.GetString()!)];
        var peer = new Peer(s_options);
        var channel = peer.Open("blind-relay", id)!;
        for (int i = 1; i < 4; i++)
        {
            byte[] frame = Convert.FromHexString(frames[i]);
            peer.Machine.TrySend(channel, frame[1], frame.AsSpan(2));
        }
        peer.Machine.Close(channel);
        Assert.Equal(frames, peer.Frames().Select(Convert.ToHexStringLower));
    }

    [Fact]
    public void A_blind_relay_server_is_understood()
    {
        var wire = Vectors.Section("blind_relay_wire");
        var peer = new Peer(s_options);
        var channel = peer.Open("blind-relay", Convert.FromHexString(wire.GetProperty("client2_channel_id").GetString()!))!;
        foreach (var frame in wire.GetProperty("server_frames_to_client2").EnumerateArray())
            Assert.Equal(MuxFault.None, peer.Machine.Receive(Convert.FromHexString(frame.GetString()!)));
        Assert.Equal(ChannelState.Open, channel.State);
        Assert.True(peer.Machine.TryTake(channel, out var message));
        Assert.Equal(0, message.Type);
        Assert.Equal("00" + new string('c', 64) + "fd090300", Convert.ToHexStringLower(message.Body.Span));
    }

    [Fact]
    public void Channels_opened_in_opposite_order_carry_their_own_data()
    {
        var (a, b) = (new Peer(s_options), new Peer(s_options));
        var (a1, a2) = (a.Open("one")!, a.Open("two")!);
        var (b2, b1) = (b.Open("two")!, b.Open("one")!);
        Peer.Exchange(a, b);
        a.Send(a1, 3, "to one");
        a.Send(a2, 4, "to two");
        b.Send(b1, 5, "from one");
        Peer.Exchange(a, b);
        Assert.Equal([(3, "to one")], b.Read(b1));
        Assert.Equal([(4, "to two")], b.Read(b2));
        Assert.Equal([(5, "from one")], a.Read(a1));
    }

    [Fact]
    public void Data_sent_before_the_other_side_opens_waits_for_it()
    {
        var (a, b) = (new Peer(s_options), new Peer(s_options) { Decides = false });
        var ours = a.Open("late", handshake: "hello")!;
        for (int i = 0; i < 100; i++) a.Send(ours, i, $"message {i}");
        Peer.Exchange(a, b);
        Assert.Equal(512 + "latehello".Length + 100 * 512 + Enumerable.Range(0, 100).Sum(i => $"message {i}".Length), b.Machine.BufferedBytes);
        var theirs = b.Open("late")!;
        Assert.Equal("hello", b.Handshakes[theirs]);
        Assert.Equal(Enumerable.Range(0, 100).Select(i => (i, $"message {i}")), b.Read(theirs));
        Assert.Equal(0, b.Machine.BufferedBytes);
        Peer.Exchange(a, b);
        Assert.Equal(ChannelState.Open, ours.State);
    }

    [Fact]
    public void What_nobody_takes_is_rejected_and_its_number_used_again()
    {
        var (a, b) = (new Peer(s_options), new Peer(s_options));
        for (int i = 0; i < 3; i++)
        {
            var channel = a.Open("unknown")!;
            Assert.Equal(1, channel.LocalId);
            Peer.Exchange(a, b);
            Assert.Equal(ChannelState.Closed, channel.State);
            Assert.Contains(channel, a.Closed);
        }
        Assert.Equal((0, 0), (a.Machine.NameCount, b.Machine.NameCount));
    }

    [Fact]
    public void Two_openings_of_one_name_are_claimed_in_order()
    {
        var (a, b) = (new Peer(s_options), new Peer(s_options) { Decides = false });
        var (first, second) = (a.Open("twin", isUnique: false)!, a.Open("twin", isUnique: false)!);
        a.Send(first, 0, "first");
        a.Send(second, 0, "second");
        Peer.Exchange(a, b);
        Assert.Equal([(0, "first")], b.Read(b.Open("twin", isUnique: false)!));
        Assert.Equal([(0, "second")], b.Read(b.Open("twin", isUnique: false)!));
        Assert.Null(b.Open("twin"));
    }

    [Fact]
    public void Late_data_and_a_late_close_are_ignored()
    {
        var (a, b) = (new Peer(s_options), new Peer(s_options));
        var (ours, theirs) = (a.Open("x")!, b.Open("x")!);
        Peer.Exchange(a, b);
        b.Machine.Close(theirs);
        a.Send(ours, 0, "too late");
        a.Machine.Close(ours);
        Peer.Exchange(a, b);
        Assert.Equal(2, b.Machine.Ignored);
        Assert.Equal(1, a.Open("x")!.LocalId);
        Assert.Equal(1, b.Open("x")!.LocalId);
        Peer.Exchange(a, b);
        Assert.Equal((1, 1), (a.Machine.ChannelCount, b.Machine.ChannelCount));
    }

    [Fact]
    public void An_opening_closed_before_anybody_took_it_costs_neither_side_anything()
    {
        var (a, b) = (new Peer(s_options), new Peer(s_options) { Decides = false });
        var channel = a.Open("brief")!;
        a.Send(channel, 0, "lost");
        a.Machine.Close(channel);
        Peer.Exchange(a, b);
        Assert.Equal(0, b.Machine.BufferedBytes);
        Assert.Equal(1, a.Open("brief")!.LocalId);
        Peer.Exchange(a, b);
        Assert.NotNull(b.Open("brief"));
    }

    [Theory]
    [InlineData("000102016100", MuxFault.InvalidOpen)] // 2 before 1
    [InlineData("000205", MuxFault.InvalidReject)]
    [InlineData("00", MuxFault.Malformed)]
    [InlineData("0001", MuxFault.Malformed)]
    [InlineData("000101ff", MuxFault.Malformed)]
    [InlineData("0001010561", MuxFault.Malformed)]
    [InlineData("0000", MuxFault.Malformed)]
    [InlineData("00000105aa", MuxFault.Malformed)] // an entry longer than the batch
    [InlineData("00000003000001", MuxFault.Malformed)] // a batch in a batch
    [InlineData("", MuxFault.None)]
    [InlineData("0009", MuxFault.None)] // a kind of control message nobody knows
    [InlineData("0001000361626300", MuxFault.None)] // channel 0
    [InlineData("0700aabb", MuxFault.None)] // a channel never opened
    [InlineData("000309", MuxFault.None)]
    [InlineData("000300", MuxFault.None)]
    public void A_message_out_of_rule_is_a_fault_or_nothing(string hex, object fault) =>
        Assert.Equal((MuxFault)fault, new Peer(s_options).Machine.Receive(Convert.FromHexString(hex)));

    [Fact]
    public void An_opening_of_a_living_number_is_a_fault()
    {
        var peer = new Peer(s_options) { Decides = false };
        Assert.Equal(MuxFault.None, peer.Machine.Receive(Convert.FromHexString("000101016100")));
        Assert.Equal(MuxFault.InvalidOpen, peer.Machine.Receive(Convert.FromHexString("000101016200")));
    }

    [Fact]
    public void A_batch_of_five_thousand_with_switches_and_an_opening_inside_arrives_whole()
    {
        var (a, b) = (new Peer(s_options), new Peer(s_options) { Decides = false });
        var (one, two) = (a.Open("one")!, a.Open("two")!);
        var (theirOne, theirTwo) = (b.Open("one")!, b.Open("two")!);
        Peer.Exchange(a, b);
        a.Machine.Cork();
        LocalChannel three = null!;
        for (int i = 0; i < 5000; i++)
        {
            if (i == 2500) three = a.Open("three")!;
            a.Send(i % 3 == 0 ? one : i < 2500 || i % 2 == 0 ? two : three, i, "x");
        }
        a.Machine.Uncork();
        Assert.Single(a.Frames(b));
        int[] Types(LocalChannel channel) => [.. b.Read(channel).Select(m => m.Type)];
        int[] first = Types(theirOne), second = Types(theirTwo), third = Types(b.Open("three")!);
        Assert.Equal(5000, first.Length + second.Length + third.Length);
        Assert.All(new[] { first, second, third }, types => Assert.Equal(types.Order(), types));
        Assert.NotEmpty(third);
    }

    [Fact]
    public void A_long_batch_is_split()
    {
        var (a, b) = (new Peer(s_options with { MaxBatchBytes = 1000 }), new Peer(s_options));
        var (ours, theirs) = (a.Open("x")!, b.Open("x")!);
        Peer.Exchange(a, b);
        a.Machine.Cork();
        for (int i = 0; i < 50; i++) a.Send(ours, i, new string('y', 99));
        a.Machine.Uncork();
        var frames = a.Frames(b);
        Assert.Equal(5, frames.Count);
        Assert.Equal(Enumerable.Range(0, 50), b.Read(theirs).Select(m => m.Type));
    }

    [Fact]
    public void A_batch_of_too_many_messages_is_a_fault_and_ours_never_are()
    {
        var bound = s_options with { MaxBatchMessages = 20 };
        var (a, b) = (new Peer(bound), new Peer(bound));
        var (ours, theirs) = (a.Open("x")!, b.Open("x")!);
        Peer.Exchange(a, b);
        a.Machine.Cork();
        for (int i = 0; i < 50; i++) a.Send(ours, i, "y");
        a.Machine.Uncork();
        Assert.Equal(3, a.Frames(b).Count);
        Assert.Equal(Enumerable.Range(0, 50), b.Read(theirs).Select(m => m.Type));
        byte[] Batch(int messages) => [0, 0, (byte)theirs.RemoteId, .. Enumerable.Repeat<byte[]>([2, 0, (byte)'z'], messages).SelectMany(m => m)];
        Assert.Equal(MuxFault.None, b.Machine.Receive(Batch(20)));
        Assert.Equal(MuxFault.TooManyMessages, b.Machine.Receive(Batch(21)));
    }

    [Fact]
    public void Answers_to_a_batch_are_a_batch()
    {
        var (a, b) = (new Peer(s_options), new Peer(s_options));
        a.Machine.Cork();
        for (int i = 0; i < 5; i++) a.Open($"unknown {i}");
        a.Machine.Uncork();
        a.Frames(b);
        Assert.Single(b.Frames(a));
        Assert.Equal(5, a.Closed.Count);
    }

    [Fact]
    public void A_peer_cannot_open_more_than_the_options_allow()
    {
        var peer = new Peer(s_options with { MaxChannels = 100, MaxPendingOpens = 10 }) { Decides = false };
        for (int i = 1; i <= 100; i++) Assert.Equal(MuxFault.None, peer.Machine.Receive([0, 1, (byte)i, 1, (byte)'a', 0]));
        Assert.Equal(90, peer.Frames().Count); // rejects
        Assert.Equal(MuxFault.TooManyChannels, peer.Machine.Receive([0, 1, 101, 1, (byte)'a', 0]));
    }

    [Fact]
    public void Openings_nobody_took_count_as_what_is_buffered_until_they_are_taken_rejected_or_closed()
    {
        var (a, b) = (new Peer(s_options), new Peer(s_options) { Decides = false });
        string handshake = new('h', 1000);
        var left = new[] { "taken", "closed", "rejected" }.Select(name => a.Open(name, handshake: handshake)!).ToArray();
        a.Frames(b);
        Assert.Equal(3 * (512 + 1000) + "takenclosedrejected".Length, b.Machine.BufferedBytes);
        b.Open("taken");
        Assert.Equal(2 * (512 + 1000) + "closedrejected".Length, b.Machine.BufferedBytes);
        a.Machine.Close(left[1]);
        a.Frames(b);
        Assert.Equal(512 + 1000 + "rejected".Length, b.Machine.BufferedBytes);
        b.Decide(always: true);
        Assert.Equal(0, b.Machine.BufferedBytes);
    }

    [Fact]
    public void An_opening_longer_than_what_may_be_buffered_is_rejected_and_its_number_used_again()
    {
        var (a, b) = (new Peer(s_options), new Peer(s_options with { MaxBufferedBytes = 1024 }) { Decides = false });
        var rejected = a.Open("x", handshake: new('h', 1000))!;
        Peer.Exchange(a, b);
        Assert.Equal((ChannelState.Closed, 0, 0L), (rejected.State, b.Machine.NameCount, b.Machine.BufferedBytes));
        Assert.Equal(1, a.Open("x", handshake: "short")!.LocalId);
        Peer.Exchange(a, b);
        Assert.Equal("short", b.Handshakes[b.Open("x")!]);
    }

    [Fact]
    public void Openings_a_peer_never_answers_are_bounded_too()
    {
        var peer = new Peer(s_options with { MaxChannels = 10 });
        for (int i = 0; i < 10; i++) peer.Machine.Close(peer.Open("x")!);
        Assert.Null(peer.Open("x"));
    }

    /// <summary>Random calls on both sides: what was sent on a channel that both kept open arrives, in order, and nothing leaks.</summary>
    [Theory, InlineData(1), InlineData(2), InlineData(3), InlineData(4), InlineData(5)]
    public void Any_sequence_of_calls_ends_with_nothing_left(int seed)
    {
        var random = new Random(seed);
        var peers = new[] { new Peer(s_options), new Peer(s_options) };
        var open = new[] { new List<LocalChannel>(), new List<LocalChannel>() };
        var all = new[] { new List<LocalChannel>(), new List<LocalChannel>() };
        for (int step = 0; step < 3000; step++)
        {
            int side = random.Next(2);
            var peer = peers[side];
            open[side].RemoveAll(c => c.State == ChannelState.Closed);
            switch (random.Next(6))
            {
                case 0 or 1:
                    if (peer.Open($"name {random.Next(6)}", isUnique: random.Next(2) == 0) is { } channel)
                    {
                        open[side].Add(channel);
                        all[side].Add(channel);
                    }
                    break;
                case 2 when open[side].Count != 0:
                    peer.Machine.Close(open[side][random.Next(open[side].Count)]);
                    break;
                case 3 when open[side].Count != 0:
                    peer.Send(open[side][random.Next(open[side].Count)], 1, "data");
                    break;
                default:
                    if (peer.Machine.TryTakeFrame(out byte[] frame)) Assert.Equal(MuxFault.None, peers[1 - side].Machine.Receive(frame));
                    break;
            }
        }
        foreach (int side in new[] { 0, 1 })
            foreach (var channel in open[side].Where(c => c.State != ChannelState.Closed)) peers[side].Machine.Close(channel);
        Peer.Exchange(peers[0], peers[1]);
        foreach (int side in new[] { 0, 1 })
            foreach (var channel in all[side]) peers[side].Read(channel); // what arrived before a close stays to be read
        Assert.All(peers, p => Assert.Equal((0, 0, 0L), (p.Machine.ChannelCount, p.Machine.NameCount, p.Machine.BufferedBytes)));
    }

    private sealed class Peer : IMuxEvents
    {
        public Peer(ProtomuxOptions options) => Machine = new(options, this);

        public MuxMachine Machine { get; }

        /// <summary>Whether unknown openings are refused at once.</summary>
        public bool Decides { get; init; } = true;

        public List<LocalChannel> Closed { get; } = [];

        public Dictionary<LocalChannel, string> Handshakes { get; } = [];

        private List<NameState> Undecided { get; } = [];

        public LocalChannel? Open(string name, byte[]? id = null, string handshake = "", bool isUnique = true) =>
            Machine.Open(new(name, id ?? []), Encoding.UTF8.GetBytes(handshake), isUnique, this);

        public void Send(LocalChannel channel, int type, string text) => Assert.True(Machine.TrySend(channel, type, Encoding.UTF8.GetBytes(text)));

        public List<(int Type, string Text)> Read(LocalChannel channel)
        {
            var read = new List<(int, string)>();
            while (Machine.TryTake(channel, out var message)) read.Add((message.Type, Encoding.UTF8.GetString(message.Body.Span)));
            return read;
        }

        /// <summary>What it has to send, after handing it to <paramref name="to"/>.</summary>
        public List<byte[]> Frames(Peer? to = null)
        {
            var frames = new List<byte[]>();
            while (Machine.TryTakeFrame(out byte[] frame))
            {
                frames.Add(frame);
                if (to is null) continue;
                to.Machine.Cork(); // as the shell does: a batch is answered by a batch
                Assert.Equal(MuxFault.None, to.Machine.Receive(frame));
                to.Decide();
                to.Machine.Uncork();
            }
            return frames;
        }

        public static void Exchange(Peer a, Peer b)
        {
            while (a.Frames(b).Count + b.Frames(a).Count != 0)
            {
                // until both have nothing to say
            }
        }

        public void OnOpened(LocalChannel channel, byte[] handshake) => Handshakes[channel] = Encoding.UTF8.GetString(handshake);

        public void OnMessage(LocalChannel channel) => Assert.NotEmpty(channel.Messages);

        public void OnClosed(LocalChannel channel) => Closed.Add(channel);

        public void OnPeerOpened(NameState name) => Undecided.Add(name);

        public void Decide(bool always = false)
        {
            if (!Decides && !always) return;
            foreach (var name in Undecided) Machine.Decided(name);
            Undecided.Clear();
        }
    }
}

internal static class Vectors
{
    public static JsonElement Section(string name)
    {
        string path = Path.Combine(AppContext.BaseDirectory, "Vectors", "hyperdht.json");
        return JsonDocument.Parse(File.ReadAllText(path)).RootElement.GetProperty(name);
    }
}
