using PeopleSwarm.Dht.TestKit;

namespace PeopleSwarm.Dht.Node;

public class ReusableRoutesTests
{
    private static readonly PublicKey s_one = PeerKit.Key(1).PublicKey, s_other = PeerKit.Key(2).PublicKey, s_third = PeerKit.Key(3).PublicKey;
    private readonly ReusableRoutes _routes;
    private Timestamp _now = new(1_000_000);

    public ReusableRoutesTests() => _routes = new(maxRoutes: 2, TimeSpan.FromSeconds(20), () => _now);

    [Fact]
    public void A_path_is_kept_while_its_stream_is_open_and_for_a_while_afterwards()
    {
        var stream = Keep(s_one, port: 7);
        Pass(seconds: 1000);
        Assert.True(_routes.TryGet(s_one, out var route));
        Assert.Equal(new(new(PeerKit.At("5.0.0.1:7"), new SocketId(3)), PeerPath.Punched), route);
        stream.ChangeRemote(new SocketId(3), 1, PeerKit.At("5.0.0.1:8")); // the peer's NAT moved it
        stream.Abort();
        Pass(seconds: 19.9);
        Assert.True(_routes.TryGet(s_one, out route));
        Assert.Equal(8, route.To.From.Port);
        Pass(seconds: 0.1);
        Assert.False(_routes.TryGet(s_one, out _));
    }

    [Fact]
    public void The_oldest_gives_way_and_a_peer_has_one_path()
    {
        for (ushort i = 1; i <= 100; i++) Keep(s_one, port: i);
        Assert.True(_routes.TryGet(s_one, out var route));
        Assert.Equal(100, route.To.From.Port);
        Keep(s_other, port: 1);
        Keep(s_third, port: 1);
        Assert.Equal((false, true, true), (_routes.TryGet(s_one, out _), _routes.TryGet(s_other, out _), _routes.TryGet(s_third, out _)));
        _routes.Clear();
        Assert.False(_routes.TryGet(s_third, out _));
    }

    [Fact]
    public void A_path_on_which_a_stream_timed_out_is_not_kept()
    {
        Keep(s_one, port: 7).CloseFromBelow(StreamCloseReason.TimedOut);
        Assert.False(_routes.TryGet(s_one, out _));
    }

    private FakeStream Keep(PublicKey remote, ushort port)
    {
        var stream = new FakeStream(1, new());
        stream.Connect(new SocketId(3), 1, PeerKit.At("5.0.0.1:1").WithPort(port));
        _routes.Keep(remote, stream, PeerPath.Punched);
        return stream;
    }

    private void Pass(double seconds) => _now += TimeSpan.FromSeconds(seconds);
}
