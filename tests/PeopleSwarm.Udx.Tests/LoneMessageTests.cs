using System.Collections.Concurrent;
using System.IO.Pipelines;
using Microsoft.Extensions.Logging.Abstractions;
using PeopleSwarm.Udx;

namespace PeopleSwarm;

public class LoneMessageTests
{
    [Fact]
    public async Task A_small_write_leaves_on_the_writers_thread_if_nothing_is_under_way_and_is_merged_if_something_is()
    {
        RecordingSockets sockets = new();
        await using var host = HostKit.Create(sockets);
        await using UdxTransport transport = new(host, new(), new SystemRandomSource(), PipeScheduler.ThreadPool, HostKit.Metrics, NullLogger<UdxTransport>.Instance);
        var socket = host.Bind(HostKit.AnyLoopback);
        List<(int Lone, int Second)> runs = [];
        Thread writer = new(() =>
        {
            for (uint i = 0; i < 500 && runs.Count(r => r.Lone == 1) < 10; i++) // a timer may have the loop just then, and on a busy machine the loop rests later
            {
                var stream = transport.CreateStream();
                stream.Connect(socket, i + 1, UdpEndPoint.Loopback(9));
                Thread.Sleep(20); // the loop comes to rest
                runs.Add((SentHere(stream), SentHere(stream)));
                stream.Abort();
            }
        });
        writer.Start();
        await Task.Run(writer.Join).WaitAsync(HostKit.Limit);
        Assert.Equal(10, runs.Count(r => r.Lone == 1));
        Assert.All(runs, r => Assert.Equal(0, r.Second)); // nobody acknowledges the first

        int SentHere(IReliableStream stream)
        {
            int before = Count();
            stream.Output.WriteAsync(new byte[64]).AsTask().Wait();
            return Count() - before;
        }

        int Count() => sockets.Threads.Count(t => t == Environment.CurrentManagedThreadId);
    }

    private sealed class RecordingSockets : IDatagramSocketFactory, IDatagramSocket
    {
        public ConcurrentQueue<int> Threads { get; } = new();

        public UdpEndPoint LocalEndPoint => UdpEndPoint.Loopback(1);

        public int MaxSegments => 64;

        public IDatagramSocket Bind(UdpEndPoint local, DatagramSocketOptions options) => this;

        public void Start(IDatagramReceiver receiver) { }

        public bool Receive(int maxDatagrams) => false;

        public bool TrySend(ReadOnlySpan<byte> datagrams, in Transmit transmit)
        {
            Threads.Enqueue(Environment.CurrentManagedThreadId);
            return true;
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
