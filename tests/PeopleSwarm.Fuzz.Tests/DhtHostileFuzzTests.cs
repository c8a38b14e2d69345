using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Dht.Rpc;
using PeopleSwarm.Testing;

namespace PeopleSwarm.Fuzz;

/// <summary>A small network of real nodes with one that answers rubbish and a stranger who sends more of it.</summary>
public class DhtHostileFuzzTests
{
    private static readonly UdpEndPoint s_liar = new(0x06000001, DhtLab.Port);

    [Fact]
    public void Nodes_stay_up_and_find_each_other_among_liars() => FuzzRun.Seeds(30, seed =>
    {
        var net = new SimulatedNetwork(seed) { Latency = TimeSpan.FromMilliseconds(20), Jitter = TimeSpan.FromMilliseconds(10) };
        var random = net.Random.Fork(7);
        var corpus = Corpus.Where(b => RpcRequestMessage.TryRead(b, out _) || RpcResponseMessage.TryRead(b, out _));
        List<RpcMachine> nodes = [];
        for (int i = 0; i < 8; i++)
        {
            nodes.Add(DhtLab.AddNode(net, i).Machine);
            net.RunFor(TimeSpan.FromMilliseconds(200));
        }
        net.Add(s_liar, new Liar(random.Fork(1), corpus));

        for (int i = 0; i < 150; i++)
        {
            net.RunFor(random.Next(TimeSpan.FromMilliseconds(100)));
            var from = random.Next(3) switch { 0 => s_liar, 1 => DhtLab.AddressOf(random.Next(8)), _ => new UdpEndPoint(random.NextUInt32(), (ushort)random.NextUInt32()) };
            net.Inject(from, DhtLab.AddressOf(random.Next(8)), Mutator.Next(random, corpus));
        }
        net.RunFor(TimeSpan.FromSeconds(30));

        var target = new NodeId(new byte[32]);
        var found = new DhtLab.Finished();
        nodes[3].StartQuery(net.Now, new RpcQueryRequest(target, 2, IsInternal: true), found);
        net.Expect(() => found.Outcome is not null, TimeSpan.FromSeconds(60));
        Assert.All(found.Outcome!.ClosestReplies, r => Assert.NotNull(r.Id));
        Assert.True(found.Outcome.ClosestReplies.Count >= 5, $"found only {found.Outcome.ClosestReplies.Count} nodes{Environment.NewLine}{net.Describe()}");
        Assert.All(nodes, n => Assert.InRange(n.RequestsInFlight, 0, 200));
    });

    /// <summary>Answers every request with a bent response that carries the right number.</summary>
    private sealed class Liar(SeededRandom random, IReadOnlyList<byte[]> corpus) : IDatagramMachine
    {
        private readonly Queue<(byte[] Data, UdpEndPoint To)> _answers = [];

        public Timestamp? NextTimeout => null;

        public bool Receive(Timestamp now, ReadOnlySpan<byte> datagram, in DatagramSource source)
        {
            if (datagram.Length < 4 || datagram[0] != RpcRequestMessage.Header || _answers.Count > 100) return true;
            byte[] answer = Mutator.Next(random, corpus);
            if (answer.Length >= 10)
            {
                answer[0] = RpcResponseMessage.Header;
                datagram[2..4].CopyTo(answer.AsSpan(2));
            }
            if (answer.Length is > 0 and <= 2048) _answers.Enqueue((answer, source.From));
            return true;
        }

        public void HandleTimeout(Timestamp now) { }

        public bool PollTransmit(Timestamp now, Span<byte> buffer, out Transmit transmit)
        {
            transmit = default;
            if (!_answers.TryDequeue(out var answer)) return false;
            answer.Data.CopyTo(buffer);
            transmit = new(answer.To, answer.Data.Length);
            return true;
        }
    }
}
