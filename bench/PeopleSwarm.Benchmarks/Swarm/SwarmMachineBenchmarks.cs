using System.Buffers.Binary;
using BenchmarkDotNet.Attributes;
using PeopleSwarm.Swarm.Policy;

namespace PeopleSwarm.Benchmarks.Swarm;

/// <summary>The swarm's policy without a network: a look-up names many peers, each is queued, dialled and lost.</summary>
[MemoryDiagnoser]
public class SwarmMachineBenchmarks
{
    private const int Peers = 1000;

    private static readonly PublicKey s_self = Key(0);
    private readonly PeerRecord[] _records = [.. Enumerable.Range(1, Peers).Select(i => new PeerRecord(Key(i), []))];
    private readonly Timestamp _now = new(60_000_000);

    /// <summary>From being found to a failed dial, for each peer; ends with everybody waiting for a retry.</summary>
    [Benchmark(OperationsPerInvoke = Peers)]
    public int FindAndDial()
    {
        SwarmMachine machine = new(s_self, new SwarmOptions(), new SystemRandomSource());
        var topic = machine.AddTopic(new Topic(new byte[Topic.Size]));
        topic.AddSession(new JoinOptions { Server = false });
        topic.BeginRefresh();
        foreach (var record in _records) machine.Found(_now, topic, record);
        int dials = 0;
        while (machine.TryTake(out var action))
        {
            if (action is not SwarmAction.Dial dial) continue;
            dials++;
            machine.DialStarted();
            machine.Closed(_now, dial.Link, PeerConnectError.PeerNotFound);
        }
        return dials == Peers ? dials : throw new InvalidOperationException($"{dials} dials were made for {Peers} peers.");
    }

    private static PublicKey Key(int number)
    {
        Span<byte> bytes = stackalloc byte[PublicKey.Size];
        BinaryPrimitives.WriteInt32LittleEndian(bytes[28..], number);
        return new(bytes);
    }
}
