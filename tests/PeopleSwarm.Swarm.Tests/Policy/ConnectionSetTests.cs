using PeopleSwarm.Swarm.Fakes;

namespace PeopleSwarm.Swarm.Policy;

public class ConnectionSetTests
{
    [Theory] // our key, the dialler's key, whether the existing connection is established
    [InlineData(1, 2, false, true)]
    [InlineData(2, 1, false, false)]
    [InlineData(1, 2, true, true)]
    [InlineData(2, 1, true, true)]
    [InlineData(0x0100, 0x0001, false, true)] // bytes 00 01 against 01 00: compared from the first byte on
    [InlineData(0x0001, 0x0100, false, false)]
    public void The_larger_key_dials_unless_the_peer_lost_the_connection(int own, int remote, bool isEstablished, bool keeps)
    {
        Assert.Equal(keeps, ConnectionSet.KeepsIncoming(Keys.Public(own), Keys.Public(remote), isEstablished));
        if (!isEstablished) Assert.Equal(!keeps, ConnectionSet.KeepsIncoming(Keys.Public(remote), Keys.Public(own), false));
    }

    [Fact]
    public void Established_means_that_frames_went_both_ways()
    {
        var (client, server) = FakeConnection.Pair(Keys.Public(1), Keys.Public(2));
        var link = Open(client);
        Assert.False(link.IsEstablished);
        client.SendKeepAlive();
        Assert.False(link.IsEstablished);
        server.SendKeepAlive();
        Assert.True(link.IsEstablished);
        Assert.False(new Link(link.Peer, LinkDirection.Client).IsEstablished);
    }

    [Theory]
    [InlineData(0, 8)]
    [InlineData(1, 4)]
    [InlineData(2, 3)]
    [InlineData(3, 3)]
    [InlineData(4, 2)]
    [InlineData(9, 2)]
    public void Explicit_peers_make_the_others_yield(int explicitPeers, int connections)
    {
        var set = new ConnectionSet(maxPeers: 8, maxClient: 100, maxServer: 100, maxParallel: 100);
        int dialled = 0;
        for (; set.HasRoomToDial(explicitPeers); dialled++) set.Add(Dial(dialled));
        Assert.Equal(connections, dialled);
    }

    [Fact]
    public void Dials_in_progress_count_towards_every_limit()
    {
        var parallel = new ConnectionSet(100, 100, 100, maxParallel: 1);
        parallel.Add(Dial(1));
        Assert.False(parallel.HasFreeDial || parallel.HasRoomToDial(0));
        var clients = new ConnectionSet(100, maxClient: 1, 100, 100);
        clients.Add(Dial(1));
        Assert.False(clients.HasRoomToDial(0));
        var peers = new ConnectionSet(maxPeers: 2, 100, 100, 100);
        peers.Add(Dial(1));
        Assert.True(peers.HasRoomToDial(0));
        peers.Add(Dial(2));
        Assert.False(peers.HasRoomToDial(0));
    }

    [Fact]
    public void Counts_follow_dials_and_connections()
    {
        var set = new ConnectionSet(100, 100, 100, 100);
        var dial = Dial(1);
        set.Add(dial);
        var incoming = Open(FakeConnection.Pair(Keys.Public(2), Keys.Public(9)).Server);
        set.Add(incoming);
        Assert.Equal((2, 1, 1, 1), (set.Count, set.Connecting, set.ClientCount, set.ServerCount));
        Assert.Single(set.Open());
        set.Open(dial, new(FakeConnection.Pair(Keys.Public(9), Keys.Public(1)).Client, dial.Peer));
        Assert.Equal((2, 0, 1, 1), (set.Count, set.Connecting, set.ClientCount, set.ServerCount));
        Assert.Equal(2, set.Open().Length);
        Assert.True(set.Remove(dial));
        Assert.False(set.Remove(dial));
        Assert.True(set.Remove(incoming));
        Assert.Equal((0, 0, 0, 0), (set.Count, set.Connecting, set.ClientCount, set.ServerCount));
    }

    [Fact]
    public void Incoming_connections_have_a_limit_that_replacing_one_does_not_reach()
    {
        var set = new ConnectionSet(100, 100, maxServer: 1, 100);
        Assert.True(set.HasRoomForIncoming(Keys.Public(1)));
        set.Add(Open(FakeConnection.Pair(Keys.Public(1), Keys.Public(9)).Server));
        Assert.False(set.HasRoomForIncoming(Keys.Public(2)));
        Assert.True(set.HasRoomForIncoming(Keys.Public(1)));
    }

    private static Link Dial(int key) => new(new(Keys.Public(key)), LinkDirection.Client);

    private static Link Open(FakeConnection connection)
    {
        var peer = new PeerInfo(connection.RemotePublicKey);
        return new(peer, connection.IsInitiator ? LinkDirection.Client : LinkDirection.Server) { Connection = new(connection, peer) };
    }
}
