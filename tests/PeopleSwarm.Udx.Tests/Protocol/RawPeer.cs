namespace PeopleSwarm.Udx.Protocol;

/// <summary>One stream under test, fed by hand-made packets on a clock of its own.</summary>
internal sealed class RawPeer
{
    public const uint LocalId = 77, RemoteId = 99;

    private readonly byte[] _buffer = new byte[65_507];

    public RawPeer(UdxOptions? options = null, bool connect = true)
    {
        Endpoint = new(options ?? new(), new Testing.SeededRandom(1));
        Stream = new(Endpoint, LocalId);
        if (connect) Connect();
    }

    public static UdpEndPoint Remote => UdpEndPoint.Loopback(1000);

    public static SocketId Socket => new(3);

    public UdxEndpoint Endpoint { get; }

    public TestStream Stream { get; }

    public StreamMachine Machine => Stream.Machine;

    public Timestamp Now { get; private set; } = new(5_000_000);

    /// <summary>Everything that was sent, with its time and destination.</summary>
    public List<(Timestamp At, DatagramSource To, byte[] Datagram)> Sent { get; } = [];

    /// <summary>The same as they were handed over.</summary>
    public List<Transmit> Transmits { get; } = [];

    public void Connect() => Machine.Connect(Now, Socket, RemoteId, Remote);

    public bool Receive(ReadOnlySpan<byte> datagram, DatagramSource? from = null) =>
        Endpoint.Receive(Now, datagram, from ?? new DatagramSource(Remote, Socket));

    public bool Receive(PacketTypes types, uint seq, uint ack, ReadOnlySpan<byte> payload = default, uint window = 4_194_304,
        DatagramSource? from = null, byte dataOffset = 0)
    {
        byte[] datagram = new byte[UdxHeader.Size + payload.Length];
        new UdxHeader(types, dataOffset, LocalId, window, seq, ack).Write(datagram);
        payload.CopyTo(datagram.AsSpan(UdxHeader.Size));
        return Receive(datagram, from);
    }

    /// <summary>Polls until nothing is left; returns the datagrams as hex.</summary>
    public List<string> Poll()
    {
        List<string> datagrams = [];
        while (Endpoint.PollTransmit(Now, _buffer, out var transmit))
        {
            Transmits.Add(transmit);
            int size = transmit.SegmentSize == 0 ? transmit.Length : transmit.SegmentSize;
            Assert.InRange((transmit.Length + size - 1) / size, 1, UdxEndpoint.MaxSegments);
            for (int at = 0; at < transmit.Length; at += size)
            {
                byte[] datagram = _buffer.AsSpan(at, Math.Min(size, transmit.Length - at)).ToArray();
                Assert.InRange(datagram.Length, UdxHeader.Size, UdxPacket.MaxSize);
                Sent.Add((Now, new(transmit.To, transmit.Socket), datagram));
                datagrams.Add(Convert.ToHexStringLower(datagram));
            }
        }
        return datagrams;
    }

    /// <summary>Lets time pass, with every deadline in between kept; returns what was sent meanwhile.</summary>
    public List<string> Advance(TimeSpan time)
    {
        var end = Now + time;
        var datagrams = Poll();
        while (Endpoint.NextTimeout is { } due && due <= end)
        {
            if (due > Now) Now = due;
            Endpoint.HandleTimeout(Now);
            datagrams.AddRange(Poll());
        }
        Now = end;
        return datagrams;
    }

    public static UdxHeader Header(string hex)
    {
        Assert.True(UdxHeader.TryParse(Convert.FromHexString(hex), out var header));
        return header;
    }
}
