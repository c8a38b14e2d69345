namespace PeopleSwarm.Dht.Node;

public class LocalAddressProofTests
{
    private static readonly UdpEndPoint s_good = UdpEndPoint.Parse("192.168.1.5:0"), s_deaf = UdpEndPoint.Parse("172.17.0.1:0"), s_gone = UdpEndPoint.Parse("10.0.0.1:0");
    private readonly HashSet<SocketId> _open = [];
    private readonly LocalAddressProof _proof;
    private readonly byte[] _buffer = new byte[16];
    private int _bound;

    public LocalAddressProofTests() => _proof = new(Bind, socket => Assert.True(_open.Remove(socket)));

    [Fact]
    public void An_address_is_proved_by_our_own_byte_and_by_nobody_elses()
    {
        Assert.False(_proof.IsProved(At(0), s_good.WithPort(4000)));
        Assert.True(_proof.PollTransmit(At(0), _buffer, out var transmit));
        Assert.Equal((1, s_good.WithPort(50_001), new SocketId(1)), (transmit.Length, transmit.To, transmit.Socket));
        Assert.False(_proof.PollTransmit(At(0), _buffer, out _));
        Assert.True(_proof.Receive(At(0), [0], new(UdpEndPoint.Parse("192.168.1.7:50001"), new SocketId(1))));
        Assert.False(_proof.IsProved(At(0), s_good));
        Assert.False(_proof.Receive(At(0), [0], new(s_good.WithPort(50_001), new SocketId(7)))); // a probe for a punch
        Assert.True(_proof.Receive(At(0), [0], new(s_good.WithPort(50_001), new SocketId(1))));
        Assert.True(_proof.IsProved(At(0), s_good.WithPort(4000)));
        Assert.Empty(_open);
        Assert.Null(_proof.NextTimeout);
        Assert.Equal(1, _bound);
    }

    [Fact]
    public void One_that_carries_nothing_is_given_up_after_half_a_second_and_one_that_is_not_ours_at_once()
    {
        Assert.False(_proof.IsProved(At(0), s_deaf));
        Assert.False(_proof.IsProved(At(0), s_gone));
        Assert.Equal(At(500), _proof.NextTimeout);
        _proof.HandleTimeout(At(500));
        Assert.Empty(_open);
        Assert.False(_proof.IsProved(At(501), s_deaf));
        Assert.Equal(1, _bound); // once
        _proof.Forget();
        Assert.False(_proof.IsProved(At(502), s_deaf));
        Assert.Equal(2, _bound);
        _proof.Forget();
        Assert.Empty(_open);
        Assert.False(_proof.PollTransmit(At(502), _buffer, out _)); // its socket is closed
    }

    [Fact]
    public void One_whose_datagram_was_lost_is_tried_again_later_when_it_is_asked_for_and_ever_later()
    {
        List<int> tries = [];
        for (int second = 0; second <= 400; second++)
        {
            Assert.False(_proof.IsProved(At(1000 * second), s_good));
            if (_proof.PollTransmit(At(1000 * second), _buffer, out _)) tries.Add(second);
            _proof.HandleTimeout(At(1000 * second + 500));
            Assert.Empty(_open);
        }
        Assert.Equal([0, 10, 30, 70, 150, 310], tries);
        Assert.False(_proof.IsProved(At(650_000), s_good));
        Assert.True(_proof.Receive(At(650_001), [0], new(s_good.WithPort((ushort)(50_000 + _bound)), new SocketId(_bound))));
        Assert.True(_proof.IsProved(At(650_002), s_good));
        Assert.True(_proof.IsProved(At(9_000_000), s_good));
        Assert.Equal(7, _bound);
    }

    [Fact]
    public void However_often_it_failed_it_is_tried_every_ten_minutes()
    {
        int tries = 0;
        for (int minute = 0; minute < 24 * 60; minute++)
        {
            _proof.IsProved(At(60_000 * minute), s_deaf);
            if (_proof.PollTransmit(At(60_000 * minute), _buffer, out _)) tries++;
            _proof.HandleTimeout(At(60_000 * minute + 500));
        }
        Assert.InRange(tries, 24 * 6, 24 * 6 + 6);
    }

    [Fact]
    public void It_settles_when_the_last_attempt_is_over_and_not_before()
    {
        int settled = 0;
        _proof.Settled = () => settled++;
        _proof.IsProved(At(0), s_good);
        _proof.IsProved(At(0), s_deaf);
        Assert.True(_proof.Receive(At(1), [0], new(s_good.WithPort(50_001), new SocketId(1))));
        Assert.Equal(0, settled);
        _proof.HandleTimeout(At(500));
        Assert.Equal(1, settled);
    }

    [Fact]
    public void A_machine_has_no_more_than_so_many_addresses()
    {
        for (uint i = 0; i < 100; i++) _proof.IsProved(At(0), new(0xC0A80001 + i, 0));
        Assert.Equal(64, _open.Count);
    }

    private DatagramSource? Bind(UdpEndPoint address)
    {
        Assert.Equal(0, address.Port);
        if (address == s_gone) return null;
        var socket = new SocketId(++_bound);
        _open.Add(socket);
        return new(address.WithPort((ushort)(50_000 + _bound)), socket);
    }

    private static Timestamp At(int milliseconds) => new(milliseconds * 1000L);
}
