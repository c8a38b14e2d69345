using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Dht.TestKit;

namespace PeopleSwarm.Dht.Connect;

/// <summary>Which first messages a listener reads, and when: those of strangers after the packets of its connections.</summary>
public class HandshakeReadingTests
{
    private static readonly KeyPair s_serverKey = PeerKit.Key(2), s_clientKey = PeerKit.Key(1);
    private static readonly NodeId s_target = PeerKit.Target(s_serverKey);
    private static readonly UdpEndPoint s_flooder = PeerKit.At("6.6.6.6:666"), s_client = PeerKit.At("6.0.0.1:100"), s_relay = PeerKit.At("7.0.0.1:200");
    private PeerKit _kit = null!;
    private PeerServer _server = null!;

    [Fact]
    public void S7_first_messages_are_read_at_a_bounded_rate()
    {
        Listen(new() { HandshakesPerSecond = 5, MaxWaitingHandshakes = 15 });
        for (int i = 0; i < 30; i++) Send(s_client);
        Assert.Equal((10, 5), (_kit.Engine.Replies.Count, _server.Acceptor.Dropped)); // twice as many at once; fifteen wait
        _kit.Advance(1);
        Assert.Equal((15, 5), (_kit.Engine.Replies.Count, _server.Acceptor.Dropped));
    }

    [Fact]
    public void S7_one_that_comes_when_nobody_waits_keeps_the_rate_too()
    {
        Listen(new() { HandshakesPerSecond = 1 });
        for (int i = 0; i < 5; i++)
        {
            Arrive(s_client);
            _kit.Advance(0.1);
        }
        Assert.Equal(2, _kit.Engine.Replies.Count);
        _kit.Advance(2.5);
        Assert.Equal(5, _kit.Engine.Replies.Count);
        Arrive(s_client);
        Assert.Equal(5, _kit.Engine.Replies.Count);
    }

    [Fact]
    public void A_lone_one_is_read_at_once_and_of_several_one_in_every_second_turn_of_a_loop_at_rest()
    {
        Listen();
        Arrive(s_client);
        Assert.Single(_kit.Engine.Replies);
        for (int i = 0; i < 4; i++) Arrive(s_client);
        Assert.Equal([1, 2, 2, 3, 3, 4, 4, 5], Enumerable.Range(0, 8).Select(_ => Turn(TimeSpan.FromMicroseconds(100))));
        Assert.Equal(5, _kit.Streams.Count);
    }

    [Theory, InlineData(0.2, 500), InlineData(0.5, 500), InlineData(1, 500), InlineData(10, 500), InlineData(0.5, 100)]
    public void A_busy_loop_reads_so_many_a_second_however_many_wait(double turnMilliseconds, int perSecond)
    {
        Listen(new() { BusyHandshakesPerSecond = perSecond });
        for (int i = 0; i < 200; i++) Arrive(s_client);
        int turns = (int)(200 / turnMilliseconds), expected = perSecond / 5, read = 0;
        for (int i = 0; i < turns; i++) read = Turn(TimeSpan.FromMilliseconds(turnMilliseconds));
        Assert.InRange(read, Math.Min(turns, expected - 2), Math.Min(turns + 1, expected + 1));
    }

    [Fact]
    public void A_single_long_turn_makes_no_busy_loop_and_a_busy_one_that_comes_to_rest_is_noticed_within_ten_milliseconds()
    {
        Listen();
        for (int i = 0; i < 100; i++) Arrive(s_client);
        foreach (int microseconds in (int[])[10, 900, 10, 10, 10]) Turn(TimeSpan.FromMicroseconds(microseconds));
        Assert.InRange(_kit.Engine.Replies.Count, 3, 4);
        for (int i = 0; i < 3; i++) Turn(TimeSpan.FromMicroseconds(500));
        int before = _kit.Engine.Replies.Count;
        for (int i = 0; i < 1000; i++) Turn(TimeSpan.FromMicroseconds(10));
        Assert.InRange(_kit.Engine.Replies.Count - before, 3, 7);
        _kit.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(100, _kit.Engine.Replies.Count);
    }

    [Fact]
    public void A_busy_loop_is_not_kept_turning()
    {
        Listen();
        for (int i = 0; i < 10; i++) Arrive(s_client);
        for (int i = 0; i < 5; i++) Turn(TimeSpan.FromMicroseconds(500));
        Assert.InRange(_kit.Dht.NextTimeout!.Value - _kit.Now, TimeSpan.FromMilliseconds(1), TimeSpan.FromMilliseconds(2));
    }

    [Fact]
    public void A_loop_at_rest_is_woken_at_once_while_one_waits_and_not_afterwards()
    {
        Listen();
        Arrive(s_client);
        var atRest = _kit.Dht.NextTimeout;
        Assert.True(atRest > _kit.Now);
        Arrive(s_client);
        Assert.True(_kit.Dht.NextTimeout <= _kit.Now);
        _kit.Advance(TimeSpan.Zero);
        Assert.Equal(atRest, _kit.Dht.NextTimeout);
    }

    [Fact]
    public void Who_sends_few_is_not_kept_waiting_by_who_sends_many()
    {
        Listen(new() { MaxWaitingHandshakes = 20 });
        for (int i = 0; i < 200; i++) Arrive(s_flooder.WithPort((ushort)(1 + i)));
        Assert.Equal(179, _server.Acceptor.Dropped);
        Arrive(s_client);
        Assert.Equal(180, _server.Acceptor.Dropped); // one of the flood gave way
        for (int i = 0; i < 4; i++) Turn(TimeSpan.Zero);
        Assert.Contains(_kit.Engine.Replies, r => r.Request.From == s_client);
    }

    [Fact]
    public void Where_nobody_has_more_than_the_newcomer_the_newcomer_is_lost()
    {
        Listen(new() { MaxWaitingHandshakes = 3 });
        Arrive(s_flooder);
        for (int i = 1; i <= 3; i++) Arrive(PeerKit.At($"6.6.6.{i}:1"));
        Arrive(s_client);
        Assert.Equal(1, _server.Acceptor.Dropped);
        _kit.Advance(TimeSpan.Zero);
        Assert.DoesNotContain(_kit.Engine.Replies, r => r.Request.From == s_client);
        Assert.Equal(4, _kit.Engine.Replies.Count);
    }

    [Fact]
    public void The_clients_of_a_relay_of_ours_are_told_apart_and_those_that_others_name_are_not()
    {
        Listen();
        _kit.Engine.Query.Finish(_kit.Now, PeerKit.Response(s_relay));
        foreach (var call in _kit.Engine.OpenOf(PeerCommand.Announce)) call.Answer(_kit.Now);
        Arrive(s_client);
        for (byte i = 1; i <= 4; i++) Arrive(s_flooder, RoutingMode.FromRelay, PeerKit.At($"6.1.0.{i}:1"));
        for (byte i = 1; i <= 4; i++) Arrive(s_relay, RoutingMode.FromRelay, PeerKit.At($"6.2.0.{i}:1"));
        for (int i = 0; i < 10; i++) Turn(TimeSpan.Zero);
        Assert.Equal([s_flooder, s_relay, s_relay, s_relay, s_relay], _kit.Engine.Forwards.Select(f => f.To));
    }

    [Fact]
    public void A_message_that_waits_and_comes_again_is_read_once_and_answered_each_time()
    {
        Listen();
        Arrive(s_client);
        var client = NewClient();
        for (ushort tid = 1; tid <= 3; tid++) _kit.Handle(PeerKit.Incoming(s_client, PeerCommand.PeerHandshake, s_target, client.Value(RoutingMode.FromClient), tid: tid));
        _kit.Advance(TimeSpan.Zero);
        Assert.Equal([7, 1, 2, 3], _kit.Engine.Replies.Select(r => (int)r.Request.Tid));
        Assert.Equal(2, _kit.Streams.Count);
    }

    [Fact]
    public void One_that_waited_for_longer_than_its_client_does_is_not_read()
    {
        Listen(new() { PassiveWait = TimeSpan.FromSeconds(1) });
        Arrive(s_client);
        Arrive(s_client);
        _kit.Now += TimeSpan.FromSeconds(2); // the machine slept
        Turn(TimeSpan.Zero);
        Assert.Equal((1, 1), (_kit.Engine.Replies.Count, _server.Acceptor.Dropped));
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_listener_that_ends_or_is_suspended_reads_no_more(bool isSuspended)
    {
        Listen();
        for (int i = 0; i < 3; i++) Arrive(s_client);
        if (isSuspended) _kit.Dht.Suspend(_kit.Now, _ => { });
        else _kit.Dht.Close(_kit.Now, _server, unannounce: false);
        _kit.Advance(1);
        Assert.Single(_kit.Engine.Replies);
        Assert.Equal(0, _server.Acceptor.SessionCount);
    }

    private void Listen(PeerDhtOptions? options = null)
    {
        _kit = new(options: options);
        _server = _kit.Dht.Listen(_kit.Now, s_serverKey, new(), null, _ => { })!;
    }

    private static TestClient NewClient() => new(s_clientKey, s_serverKey.PublicKey);

    /// <summary>A handshake of a new client, read or made to wait.</summary>
    private void Arrive(UdpEndPoint from, RoutingMode mode = RoutingMode.FromClient, UdpEndPoint? peer = null) =>
        _kit.Handle(PeerKit.Incoming(from, PeerCommand.PeerHandshake, s_target, NewClient().Value(mode, peer)));

    /// <summary>A handshake that comes to a loop at rest.</summary>
    private void Send(UdpEndPoint from)
    {
        Arrive(from);
        _kit.Advance(TimeSpan.Zero);
    }

    /// <summary>One turn of the loop, that takes so long; returns the answers given so far.</summary>
    private int Turn(TimeSpan length)
    {
        _kit.Now += length;
        _kit.Dht.HandleTimeout(_kit.Now);
        return _kit.Engine.Replies.Count;
    }
}
