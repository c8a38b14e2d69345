namespace PeopleSwarm.Dht.Rpc;

public class OutboxTests
{
    private static readonly UdpEndPoint s_alice = UdpEndPoint.Loopback(1), s_bob = UdpEndPoint.Loopback(2);
    private static readonly SocketId s_socket = new(1), s_other = new(2);

    private readonly Outbox _outbox = new(capacity: 100);

    [Fact]
    public void Datagrams_of_one_size_and_destination_in_a_row_leave_together()
    {
        Send([1, 1], s_alice);
        Send([2, 2], s_alice);
        Send([3], s_alice); // a shorter one ends it
        Send([4], s_alice);
        Assert.Equal([(Transmit(s_alice, 5, segment: 2), "0101020203"), (Transmit(s_alice, 1), "04")], TakeAll());
    }

    [Fact]
    public void What_differs_leaves_by_itself_and_in_order()
    {
        Send([1], s_alice);
        Send([2], s_bob);
        Send([3], s_alice);
        Send([4], s_alice, s_other);
        Send([5, 5], s_alice, s_other);
        _outbox.SendKept([6, 6], s_alice, s_other, ttl: 5);
        Assert.Equal(
        [
            (Transmit(s_alice, 1), "01"), (Transmit(s_bob, 1), "02"), (Transmit(s_alice, 1), "03"), (Transmit(s_alice, 1) with { Socket = s_other }, "04"),
            (Transmit(s_alice, 2) with { Socket = s_other }, "0505"), (Transmit(s_alice, 2) with { Socket = s_other, Ttl = 5 }, "0606"),
        ], TakeAll());
    }

    [Fact]
    public void No_more_leave_together_than_fit()
    {
        for (byte i = 0; i < 5; i++) Send([i, i], s_alice);
        Assert.Equal([(Transmit(s_alice, 4, segment: 2), "00000101"), (Transmit(s_alice, 4, segment: 2), "02020303"), (Transmit(s_alice, 2), "0404")], TakeAll(room: 5));
    }

    private static Transmit Transmit(UdpEndPoint to, int length, int segment = 0) => new(to, length, s_socket, segment);

    private void Send(ReadOnlySpan<byte> datagram, UdpEndPoint to, SocketId? socket = null)
    {
        var buffer = Outbox.Rent();
        datagram.CopyTo(buffer);
        _outbox.SendRented(buffer, datagram.Length, to, socket ?? s_socket);
    }

    private List<(Transmit, string)> TakeAll(int room = 100)
    {
        List<(Transmit, string)> taken = [];
        byte[] buffer = new byte[room];
        while (_outbox.TryTake(buffer, out var transmit)) taken.Add((transmit, Convert.ToHexString(buffer.AsSpan(0, transmit.Length))));
        return taken;
    }
}
