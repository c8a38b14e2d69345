using Microsoft.Extensions.DependencyInjection;
using PeopleSwarm.Testing;

namespace PeopleSwarm;

/// <summary>The whole shell on virtual time: real loops and pipes, simulated sockets.</summary>
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

    private static UdxSocket Bind(ServiceProvider services, UdpEndPoint local) =>
        UdxSocket.Bind(services.GetRequiredService<IDatagramHostFactory>(), services.GetRequiredService<IReliableTransportFactory>(), local);
}
