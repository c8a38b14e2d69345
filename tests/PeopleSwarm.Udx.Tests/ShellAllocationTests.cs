using System.Net.Sockets;
using PeopleSwarm.Udx.Protocol;

namespace PeopleSwarm;

/// <summary>Tests that count what the whole process allocates or watch its thread pool, and so run while no other test does.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;

[Collection(nameof(Alone))]
public class ShellAllocationTests
{
    private static readonly TimeSpan s_limit = HostKit.Limit;

    [Fact]
    public async Task A_large_transfer_allocates_nothing_for_each_packet()
    {
        await using var pair = UdxPair.Create();
        var (left, right) = pair.Connect();
        byte[] block = new byte[64 * 1024];
        const int Round = 30_000_000, Packets = Round / 1452;
        List<long> rounds = [];
        // Pools grow in the round with the longest burst so far; what a packet costs, it costs in every round.
        while (rounds.Count < 8 && rounds.LastOrDefault(long.MaxValue) > Packets * 8)
        {
            long before = GC.GetTotalAllocatedBytes(precise: true);
            await Transfer(Round);
            rounds.Add(GC.GetTotalAllocatedBytes(precise: true) - before);
        }
        Assert.True(rounds[^1] <= Packets * 8, $"Bytes for {Packets} packets, by round: {string.Join(", ", rounds)}.");

        async Task Transfer(long total)
        {
            var reading = Task.Run(async () =>
            {
                for (long left = total; left > 0;)
                {
                    var result = await right.Input.ReadAsync();
                    left -= result.Buffer.Length;
                    right.Input.AdvanceTo(result.Buffer.End);
                }
            });
            for (long left_ = total; left_ > 0; left_ -= block.Length)
                await left.Output.WriteAsync(block.AsMemory(0, (int)Math.Min(left_, block.Length)));
            await reading.WaitAsync(s_limit);
        }
    }

    [Fact]
    public async Task A_flood_for_unknown_streams_costs_no_memory()
    {
        int unclaimed = 0;
        await using var socket = UdxSocket.Bind(UdpEndPoint.Loopback(0), (_, _) => Interlocked.Increment(ref unclaimed));
        using Socket stranger = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        var to = socket.LocalEndPoint.ToIPEndPoint().Serialize();
        byte[] packet = new byte[1200];
        Flood(2_000);
        const int Packets = 20_000;
        long before = GC.GetTotalAllocatedBytes(precise: true);
        Flood(Packets);
        long allocated = GC.GetTotalAllocatedBytes(precise: true) - before;
        Assert.True(allocated < Packets * 8, $"{allocated} bytes for {Packets} packets.");
        Assert.Equal(0, socket.Transport.StreamCount);

        void Flood(int count)
        {
            for (uint i = 0; i < count; i += 200)
            {
                int goal = Volatile.Read(ref unclaimed) + 200;
                for (uint id = i; id < i + 200; id++)
                {
                    new UdxHeader((PacketTypes)(id % 64), 0, id, 1 << 20, id, id).Write(packet);
                    stranger.SendTo(packet, SocketFlags.None, to);
                }
                for (int tries = 0; tries < 200 && Volatile.Read(ref unclaimed) < goal; tries++) Thread.Sleep(1); // which allocates nothing
            }
        }
    }
}
