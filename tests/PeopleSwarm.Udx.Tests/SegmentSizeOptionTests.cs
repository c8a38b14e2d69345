using System.Net.Sockets;

namespace PeopleSwarm.Udx;

public class SegmentSizeOptionTests
{
    private static readonly UdpEndPoint s_to = UdpEndPoint.Loopback(9);
    private readonly List<int> _set = [];

    [Fact]
    public void A_size_is_set_when_it_changes_or_would_cut_a_single_datagram()
    {
        SegmentSizeOption option = new(Set);
        foreach (var (length, segment) in new[] { (1000, 400), (800, 400), (300, 0), (1400, 0), (900, 300) })
            Assert.True(option.Fit(new(s_to, length, default, segment)));
        Assert.Equal([400, 0, 300], _set);
    }

    [Fact]
    public void A_refused_size_leaves_none_behind_that_would_cut_what_follows()
    {
        SegmentSizeOption option = new(Set);
        Assert.True(option.Fit(new(s_to, 1000, default, 400)));
        Assert.False(option.Fit(new(s_to, 2000, default, 501)));
        option.Clear();
        option.Clear();
        Assert.Equal([400, 501, 0], _set);
    }

    [Fact]
    public void A_closed_socket_is_no_refusal()
    {
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        var option = SegmentSizeOption.TryCreate(socket);
        Assert.SkipUnless(option is not null, "This system has no option to segment UDP.");
        socket.Dispose();
        Assert.True(option.Fit(new(s_to, 1000, default, 400)));
    }

    private bool Set(int size)
    {
        _set.Add(size);
        return size <= 500;
    }
}
