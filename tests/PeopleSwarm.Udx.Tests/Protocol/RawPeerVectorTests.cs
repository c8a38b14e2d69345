using System.Text.Json;

namespace PeopleSwarm.Udx.Protocol;

/// <summary>Stimulus and response as recorded from the original. Polled after each packet, we answer each one as it does.</summary>
public class RawPeerVectorTests
{
    /// <summary>A closed stream's id is kept for a while here, so these are taken and not handed on (spec udx, 5.6).</summary>
    private static readonly string[] s_keptByTimeWait = ["data to the closed stream: passed to the socket handler", "END retransmitted after close"];

    [Theory]
    [InlineData("data-and-sack")]
    [InlineData("end-handling")]
    [InlineData("end-out-of-order")]
    [InlineData("preconnect")]
    public void Answers_byte_for_byte(string name)
    {
        var peer = new RawPeer(connect: name != "preconnect");
        foreach (var step in Vectors.RawPeer(name).Items("steps"))
        {
            string title = step.Text("step");
            peer.Stream.Events.Clear();
            List<string> answers = [], handedOn = [];
            if (step.TryGetProperty("localAction", out var action)) Act(peer, action.GetString()!);
            else
            {
                foreach (byte[] datagram in step.Items("sent").Select(Bytes))
                {
                    if (!peer.Receive(datagram)) handedOn.Add(Convert.ToHexStringLower(datagram));
                    answers.AddRange(peer.Poll());
                }
            }
            answers.AddRange(peer.Poll());
            if (s_keptByTimeWait.Contains(title)) continue;
            AssertAnswers(step, answers, title);
            Assert.Equal(Expected(step, "socket-message"), handedOn);
            Assert.Equal(Expected(step, "data", "message", "end", "close"), peer.Stream.Events);
        }
    }

    /// <summary>Where we differ on purpose: the original tells of the lowest fifty blocks alone, and its peer never learns of the rest.</summary>
    [Fact]
    public void Tells_of_the_newest_packet_and_in_turn_of_all_others_where_the_original_cuts_its_list()
    {
        var stimuli = Vectors.RawPeer("sack-limit").Items("steps").Single().Items("sent").ToArray();
        byte[] packet = Bytes(stimuli[0]);
        var peer = new RawPeer();
        HashSet<uint> told = [];
        for (uint i = 0; i < 120; i++)
        {
            (packet[12], packet[20]) = ((byte)(2 * i + 1), (byte)i);
            peer.Receive(packet);
            byte[] answer = Convert.FromHexString(Assert.Single(peer.Poll()));
            var blocks = Blocks(answer);
            Assert.Equal((int)Math.Min(i + 1, 49), blocks.Length);
            Assert.Equal(blocks.OrderBy(b => b.Start), blocks);
            Assert.All(blocks, b => Assert.True(b.Start % 2 == 1 && b.End == b.Start + 1));
            Assert.Equal(2 * i + 1, blocks[^1].Start);
            if (i >= 110) told.UnionWith(blocks.Select(b => b.Start));
        }
        Assert.Equal(stimuli[^1].Text("hex"), Convert.ToHexStringLower(packet));
        Assert.Equal(120, told.Count); // by the last ten answers
    }

    [Fact]
    public void Repeats_the_gaps_that_the_originals_cut_list_tells_of_and_nothing_beyond()
    {
        const int Before = 400, Gaps = 120, PacketSize = 1152;
        byte[] answer = CutList();
        var peer = new RawPeer(new() { MaxMtu = 1200 });
        peer.Machine.StartAt(unchecked((uint)-Before), 0); // whose answers make room for the packets of the vector
        peer.Stream.Write(peer.Now, StreamPair.Pattern((Before + 2 * Gaps) * PacketSize));
        while (peer.Sent.Count < Before + 2 * Gaps)
        {
            peer.Advance(TimeSpan.FromMilliseconds(5));
            uint sent = (uint)(peer.Sent.Count - Before);
            peer.Receive(PacketTypes.None, 0, SeqNumber.IsBefore(sent, 0) ? sent : 0);
        }
        peer.Advance(TimeSpan.FromMilliseconds(5));
        Assert.Equal(Before + 2 * Gaps, peer.Sent.Count);
        peer.Receive(answer);
        var repeated = peer.Advance(TimeSpan.FromMilliseconds(8)).Select(hex => RawPeer.Header(hex).Seq);
        Assert.Equal(Enumerable.Range(0, 50).Select(i => (uint)(2 * i)), repeated);
        // The repeats arrived: packets beyond the list were sent earlier, and may have arrived as well.
        byte[] next = new byte[50 * SackRange.Size];
        for (uint i = 0; i < 50; i++) new SackRange(101 + 2 * i, 102 + 2 * i).Write(next.AsSpan((int)i * SackRange.Size));
        peer.Receive(PacketTypes.Sack, 0, 100, next);
        repeated = peer.Advance(TimeSpan.FromMilliseconds(8)).Select(hex => RawPeer.Header(hex).Seq);
        Assert.Equal(Enumerable.Range(50, 50).Select(i => (uint)(2 * i)), repeated);
    }

    /// <summary>The original's answer, addressed to our stream; the file has its blocks, its header and its hash.</summary>
    private static byte[] CutList()
    {
        var vector = Vectors.RawPeer("sack-limit").Items("steps").Single().Items("received").Last();
        byte[] answer = new byte[vector.GetProperty("length").GetInt32()];
        Convert.FromHexString(vector.Text("headerHex")).CopyTo(answer, 0);
        int at = UdxHeader.Size;
        foreach (var block in vector.GetProperty("decoded").Items("sacks"))
        {
            new SackRange(block[0].GetUInt32(), block[1].GetUInt32()).Write(answer.AsSpan(at));
            at += SackRange.Size;
        }
        Assert.Equal(vector.Text("sha256"), Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(answer)));
        BitConverter.TryWriteBytes(answer.AsSpan(UdxHeader.StreamIdOffset), RawPeer.LocalId);
        return answer;
    }

    private static SackRange[] Blocks(byte[] answer) =>
        [.. Enumerable.Range(0, (answer.Length - UdxHeader.Size) / SackRange.Size).Select(i => SackRange.Read(answer.AsSpan(UdxHeader.Size + i * SackRange.Size)))];

    [Fact]
    public void Sends_again_only_the_packet_in_the_gap_that_a_data_packet_tells_of()
    {
        var steps = Vectors.RawPeer("piggybacked-sack").Items("steps").ToArray();
        var peer = new RawPeer();
        peer.Stream.Write(peer.Now, StreamPair.Pattern(4588)); // 1152 bytes each; the original's first packet has 20 fewer
        Assert.Equal([0u, 1, 2, 3], peer.Poll().Select(hex => RawPeer.Header(hex).Seq));
        peer.Advance(TimeSpan.FromMilliseconds(1));
        peer.Receive(Convert.FromHexString(steps[1].Items("sent").Single().Text("hex")));
        string[] expected = [.. steps[1].Items("received").Select(Header)];
        Assert.Equal(expected, peer.Advance(TimeSpan.FromMilliseconds(2)).Select(hex => hex[..40]));
        Assert.Equal(["data 7069676779"], peer.Stream.Events);
        peer.Receive(Convert.FromHexString(steps[2].Items("sent").Single().Text("hex")));
        Assert.Empty(peer.Poll());
        Assert.Equal(4588, peer.Stream.Acknowledged);
    }

    [Fact]
    public void Asks_at_a_closed_window_by_heartbeats_and_goes_on_when_it_opens()
    {
        var steps = Vectors.RawPeer("zero-window").Items("steps").ToArray();
        var peer = new RawPeer();
        peer.Stream.Write(peer.Now, "hello"u8);
        AssertAnswers(steps[0], peer.Poll(), "local write");
        peer.Receive(Convert.FromHexString(steps[1].Items("sent").Single().Text("hex")));
        Assert.Empty(peer.Poll());
        peer.Stream.Write(peer.Now, "blocked"u8);
        string heartbeat = steps[2].Items("received").First().Text("hex");
        int heartbeats = 0;
        for (int i = 0; i < 300; i++)
        {
            var probes = peer.Advance(TimeSpan.FromMilliseconds(100));
            heartbeats += probes.Count;
            Assert.All(probes, probe => Assert.Equal(heartbeat, probe));
            if (probes.Count > 0) peer.Receive(Convert.FromHexString(steps[1].Items("sent").Single().Text("hex"))); // as peers answer
        }
        Assert.InRange(heartbeats, 6, 12); // in 30 s
        peer.Receive(Convert.FromHexString(steps[3].Items("sent").Single().Text("hex")));
        AssertAnswers(steps[3], peer.Poll(), "window 100");
    }

    [Fact]
    public void Repeats_an_unanswered_packet_with_growing_pauses_and_then_gives_up()
    {
        var vector = Vectors.RawPeer("retransmission-timeout").Items("steps").Single();
        var peer = new RawPeer(new() { IdleTimeout = TimeSpan.FromMinutes(10), KeepAlive = TimeSpan.Zero });
        peer.Stream.Write(peer.Now, "hello"u8);
        var sent = peer.Advance(TimeSpan.FromMinutes(5));
        string data = vector.Items("received").First().Text("hex");
        Assert.All(sent.Take(7), hex => Assert.Equal(data, hex));
        Assert.Equal(PacketTypes.Destroy, RawPeer.Header(sent[7]).Types); // the original says nothing when it gives up
        Assert.Equal(8, sent.Count);
        var start = peer.Sent[0].At;
        Assert.Equal([0, 1, 3, 7, 15, 31, 61, 91], peer.Sent.Select(s => (s.At - start).TotalSeconds), new Within(0.01));
        Assert.Equal(StreamCloseReason.TimedOut, peer.Stream.Closed!.Value.Reason);
    }

    [Fact]
    public void A_repeated_packet_tells_the_present_ack_and_window()
    {
        var steps = Vectors.RawPeer("retransmit-refreshes-header").Items("steps").ToArray();
        var peer = new RawPeer();
        peer.Stream.Write(peer.Now, "hello"u8);
        AssertAnswers(steps[0], peer.Poll(), "local write");
        peer.Receive(Convert.FromHexString(steps[1].Items("sent").Single().Text("hex")));
        AssertAnswers(steps[1], peer.Poll(), "peer data");
        AssertAnswers(steps[2], peer.Advance(TimeSpan.FromSeconds(1.1)), "after the timer");
    }

    private static void Act(RawPeer peer, string action)
    {
        if (action.StartsWith("connect", StringComparison.Ordinal)) peer.Connect();
        else if (action == "end()") peer.Stream.EndWriting(peer.Now);
        else Assert.Fail($"unknown action {action}");
    }

    private static void AssertAnswers(JsonElement step, List<string> answers, string title)
    {
        var expected = step.Items("received").ToArray();
        Assert.True(expected.Length == answers.Count, $"{title}: {string.Join(", ", answers)}");
        for (int i = 0; i < answers.Count; i++) Assert.Equal(expected[i].Text("hex"), answers[i]);
    }

    private static byte[] Bytes(JsonElement packet) => Convert.FromHexString(packet.Text("hex"));

    private static string Header(JsonElement packet) =>
        (packet.TryGetProperty("hex", out var hex) ? hex.GetString()! : packet.Text("headerHex"))[..40];

    /// <summary>The events of the kinds named, in our words. An empty chunk is not passed on here.</summary>
    private static IEnumerable<string> Expected(JsonElement step, params string[] kinds) => step.Items("events")
        .Where(e => kinds.Contains(e[0].GetString()) && !(e.GetArrayLength() > 1 && e[1].GetString() == ""))
        .Select(e => e[0].GetString()! switch
        {
            "socket-message" => e[1].GetString()!,
            "close" => step.Items("events").Any(other => other[0].GetString() == "error") ? "close RemoteAbort" : "close Completed",
            var kind => e.GetArrayLength() > 1 ? $"{kind} {e[1].GetString()}" : kind!,
        });

    private sealed class Within(double tolerance) : IEqualityComparer<double>
    {
        public bool Equals(double x, double y) => Math.Abs(x - y) <= tolerance;

        public int GetHashCode(double value) => 0;
    }
}
