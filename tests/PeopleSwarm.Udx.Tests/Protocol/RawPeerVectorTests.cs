using System.Text.Json;

namespace PeopleSwarm.Udx.Protocol;

/// <summary>Stimulus and response as recorded from the original. Polled after each packet, we answer each one as it does.</summary>
public class RawPeerVectorTests
{
    /// <summary>A closed stream's id is kept for a while here, so these are taken and not handed on (spec udx, 5.6).</summary>
    private static readonly string[] s_keptByTimeWait = ["data to the closed stream: passed to the socket handler", "END retransmitted after close"];

    [Theory]
    [InlineData("sack-limit")]
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
                foreach (byte[] datagram in Stimuli(name, step))
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

    private static IEnumerable<byte[]> Stimuli(string name, JsonElement step)
    {
        if (name != "sack-limit") return step.Items("sent").Select(s => Convert.FromHexString(s.Text("hex")));
        string first = step.Items("sent").First().Text("hex"), last = step.Items("sent").Last().Text("hex");
        byte[][] all = [.. Enumerable.Range(0, 120).Select(i =>
        {
            byte[] packet = Convert.FromHexString(first);
            (packet[12], packet[20]) = ((byte)(2 * i + 1), (byte)i);
            return packet;
        })];
        Assert.Equal(last, Convert.ToHexStringLower(all[^1]));
        return all;
    }

    private static void AssertAnswers(JsonElement step, List<string> answers, string title)
    {
        var expected = step.Items("received").ToArray();
        if (expected.Any(e => e.TryGetProperty("omitted", out _)))
        {
            answers = [answers[^1]];
            expected = [expected[^1]];
        }
        Assert.True(expected.Length == answers.Count, $"{title}: {string.Join(", ", answers)}");
        for (int i = 0; i < answers.Count; i++)
        {
            Assert.Equal(expected[i].GetProperty("length").GetInt32() * 2, answers[i].Length);
            if (expected[i].TryGetProperty("sha256", out var hash))
                Assert.Equal(hash.GetString(), Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Convert.FromHexString(answers[i]))));
            else Assert.Equal(expected[i].Text("hex"), answers[i]);
        }
    }

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
