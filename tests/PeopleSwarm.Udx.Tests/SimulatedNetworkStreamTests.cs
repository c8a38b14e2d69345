using Microsoft.Extensions.DependencyInjection;
using PeopleSwarm.Testing;

namespace PeopleSwarm;

/// <summary>The whole shell on virtual time: real loops and pipes, simulated sockets.</summary>
[Collection(nameof(Alone))] // the thread pool is watched
public class SimulatedNetworkStreamTests
{
    private static readonly UdpEndPoint s_alice = UdpEndPoint.Parse("5.0.0.1:1000"), s_bob = UdpEndPoint.Parse("5.0.1.1:2000");

    [Fact]
    public void A_stream_whose_socket_fails_closes_with_the_cause()
    {
        SimulatedNetwork net = new(1);
        var computer = net.AddHost(s_alice);
        using var alice = new ServiceCollection().AddSimulatedInternet(net, computer).AddUdx().BuildServiceProvider();
        var close = net.Run(async () =>
        {
            await using var socket = Bind(alice, s_alice);
            var stream = socket.Connect(1, 2, s_bob);
            await stream.Output.WriteAsync(new byte[1]);
            computer.RemoveAddress(s_alice);
            return await stream.Closed;
        }, TimeSpan.FromMinutes(1));
        Assert.Equal(StreamCloseReason.TransportClosed, close.Reason);
        Assert.NotNull(close.Error);
    }

    [Fact]
    public void A_peer_that_vanishes_times_the_stream_out()
    {
        SimulatedNetwork net = new(2);
        using var alice = new ServiceCollection().AddSimulatedInternet(net, net.AddHost(s_alice)).AddUdx().BuildServiceProvider();
        net.AddHost(s_bob);
        var start = net.Now;
        var close = net.Run(async () =>
        {
            await using var socket = Bind(alice, s_alice);
            var stream = socket.Connect(1, 2, s_bob);
            await stream.Output.WriteAsync(new byte[1]);
            var error = await Assert.ThrowsAsync<UdxException>(async () => await stream.FlushAcknowledgedAsync());
            Assert.Equal(StreamCloseReason.TimedOut, error.Reason);
            return await stream.Closed;
        }, TimeSpan.FromMinutes(10));
        Assert.Equal(StreamCloseReason.TimedOut, close.Reason);
        Assert.InRange(net.Now - start, TimeSpan.FromSeconds(5), TimeSpan.FromMinutes(5));
    }

    [Fact]
    public void Disposing_waits_until_the_peer_has_everything_and_not_for_the_peers_own_end()
    {
        var (disposed, closed, close) = Dispose(peerEndsAfter: null);
        Assert.InRange(disposed, TimeSpan.FromMilliseconds(200), TimeSpan.FromSeconds(1)); // 40 KB and the end, over 100 ms
        Assert.InRange(closed, TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(5.5)); // the linger time
        Assert.Equal(StreamCloseReason.LocalAbort, close.Reason);
    }

    [Fact]
    public void A_peer_that_ends_later_ends_a_disposed_stream_in_order_although_its_transport_is_disposed_too()
    {
        var (disposed, closed, close) = Dispose(peerEndsAfter: TimeSpan.FromSeconds(3));
        Assert.InRange(disposed, TimeSpan.FromMilliseconds(200), TimeSpan.FromSeconds(1));
        Assert.InRange(closed, TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(3.5));
        Assert.Equal(StreamCloseReason.Completed, close.Reason);
    }

    /// <summary>Alice sends, disposes the stream and then its transport; Bob reads late, everything, and may end.</summary>
    private static (TimeSpan Disposed, TimeSpan Closed, StreamClose Close) Dispose(TimeSpan? peerEndsAfter)
    {
        const int Length = 40_000;
        SimulatedNetwork net = new(3) { Latency = TimeSpan.FromMilliseconds(50) };
        using var alice = new ServiceCollection().AddSimulatedInternet(net, net.AddHost(s_alice)).AddUdx().BuildServiceProvider();
        using var bob = new ServiceCollection().AddSimulatedInternet(net, net.AddHost(s_bob)).AddUdx().BuildServiceProvider();
        return net.Run(async () =>
        {
            await using var bobs = Bind(bob, s_bob);
            var peer = bobs.Connect(2, 1, s_alice);
            await using var alices = Bind(alice, s_alice);
            var stream = alices.Connect(1, 2, s_bob);
            await stream.Output.WriteAsync(new byte[Length]);
            var began = net.Now;
            var closed = stream.Closed.ContinueWith(_ => net.Now - began, TaskContinuationOptions.ExecuteSynchronously);
            await stream.DisposeAsync();
            var disposed = net.Now - began;
            Assert.Equal(Length, stream.BytesAcknowledged);
            var ending = alices.DisposeAsync();
            if (peerEndsAfter is { } after)
            {
                await Task.Delay(after - disposed, bob.GetRequiredService<TimeProvider>());
                await peer.Output.CompleteAsync();
            }
            await ending;
            var read = await peer.Input.ReadAtLeastAsync(Length + 1);
            Assert.Equal((Length, true), (read.Buffer.Length, read.IsCompleted));
            peer.Input.AdvanceTo(read.Buffer.End);
            return (disposed, await closed, await stream.Closed);
        }, TimeSpan.FromMinutes(1));
    }

    [Fact]
    public void A_stream_tells_where_its_peer_is_after_a_NAT_gave_it_another_port()
    {
        SimulatedNetwork net = new(4) { Latency = TimeSpan.FromMilliseconds(50) };
        var nat = net.AddNat("5.0.1.1", new() { Ports = NatPortAllocation.Random });
        using var alice = new ServiceCollection().AddSimulatedInternet(net, net.AddHost(s_alice)).AddUdx().BuildServiceProvider();
        using var bob = new ServiceCollection().AddSimulatedInternet(net, nat.AddHost("10.0.0.2")).AddUdx().BuildServiceProvider();
        var (before, after, answer) = net.Run(async () =>
        {
            await using var alices = Bind(alice, s_alice);
            await using var bobs = Bind(bob, UdpEndPoint.AnyIPv4);
            var stream = alices.CreateStream(new()
            {
                LocalId = 1,
                AcceptPath = (IReliableStream stream, in DatagramSource source) =>
                {
                    if (!stream.IsConnected) stream.Connect(source.Socket, 2, source.From);
                    return false; // the machine itself knows the peer's host
                },
            });
            var peer = bobs.Connect(2, 1, s_alice);
            await peer.Output.WriteAsync(new byte[1]);
            await UdxPair.ReadAsync(stream.Input, 1);
            var before = stream.Remote.From;
            await Task.Delay(TimeSpan.FromSeconds(2), bob.GetRequiredService<TimeProvider>());
            nat.Restart();
            await peer.Output.WriteAsync(new byte[1]);
            await UdxPair.ReadAsync(stream.Input, 1);
            await stream.Output.WriteAsync(new byte[1]);
            await stream.FlushAcknowledgedAsync();
            return (before, stream.Remote.From, await UdxPair.ReadAsync(peer.Input, 1));
        }, TimeSpan.FromMinutes(1));
        Assert.Single(answer);
        Assert.True(before.HasSameAddress(after));
        Assert.NotEqual(before.Port, after.Port);
    }

    private static UdxSocket Bind(ServiceProvider services, UdpEndPoint local) =>
        UdxSocket.Bind(services.GetRequiredService<IDatagramHostFactory>(), services.GetRequiredService<IReliableTransportFactory>(), local);
}
