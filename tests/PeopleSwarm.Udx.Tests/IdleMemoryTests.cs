using PeopleSwarm.Udx.Protocol;

namespace PeopleSwarm;

[Collection(nameof(Alone))]
public class IdleMemoryTests
{
    [Fact]
    public async Task A_quiet_stream_takes_a_few_kilobytes_even_with_bytes_unread()
    {
        const int Streams = 200;
        await using var pair = UdxPair.Create();
        await OpenAsync(1, 20); // code and pools
        long before = GC.GetTotalMemory(forceFullCollection: true);
        var open = await OpenAsync(1001, Streams);
        long each = (GC.GetTotalMemory(forceFullCollection: true) - before) / (2 * Streams);
        GC.KeepAlive(open);
        Assert.InRange(each, 1, 3584);

        async Task<List<(UdxStream, UdxStream)>> OpenAsync(uint id, int count)
        {
            List<(UdxStream, UdxStream)> streams = [];
            for (int i = 0; i < count; i++, id += 2)
            {
                var (left, right) = pair.Connect(id);
                await left.Output.WriteAsync(new byte[100]);
                await right.Output.WriteAsync(new byte[100]);
                await left.FlushAcknowledgedAsync();
                await right.FlushAcknowledgedAsync();
                streams.Add((left, right));
            }
            return streams;
        }
    }

    [Fact]
    public async Task A_socket_at_rest_takes_a_few_kilobytes()
    {
        const int Sockets = 50;
        List<UdxSocket> sockets = [];
        await OpenAsync(5); // code and pools
        long before = GC.GetTotalMemory(forceFullCollection: true);
        await OpenAsync(Sockets);
        long each = (GC.GetTotalMemory(forceFullCollection: true) - before) / Sockets;
        Assert.InRange(each, 1, 16 * 1024);
        foreach (var socket in sockets) await socket.DisposeAsync();

        async Task OpenAsync(int count)
        {
            for (int i = 0; i < count; i++)
            {
                TaskCompletionSource received = new(TaskCreationOptions.RunContinuationsAsynchronously);
                var socket = UdxSocket.Bind(UdpEndPoint.Loopback(0), (_, _) => received.TrySetResult());
                sockets.Add(socket);
                Assert.True(socket.TrySend([1], socket.LocalEndPoint));
                await received.Task.WaitAsync(HostKit.Limit);
            }
        }
    }

    [Fact]
    public void A_stream_that_was_busy_gives_its_memory_back_when_quiet()
    {
        StreamPair pair = new(seed: 1, link: new() { Latency = TimeSpan.FromMilliseconds(20), LossRate = 0.05 });
        pair.Alice.Write(pair.Net.Now, StreamPair.Pattern(4_000_000));
        Assert.True(pair.Net.RunUntil(() => pair.Bob.ReceivedLength == 4_000_000, TimeSpan.FromMinutes(1)));
        Assert.True(pair.Bob.Endpoint.Blocks.Kept > 0);

        pair.Net.RunFor(TimeSpan.FromMinutes(1));
        Assert.Equal(0, pair.Bob.Endpoint.Blocks.Kept);

        pair.Alice.Write(pair.Net.Now, StreamPair.Pattern(100_000, salt: 1));
        Assert.True(pair.Net.RunUntil(() => pair.Bob.ReceivedLength == 4_100_000, TimeSpan.FromMinutes(1)));
        pair.AssertDelivered();
    }
}
