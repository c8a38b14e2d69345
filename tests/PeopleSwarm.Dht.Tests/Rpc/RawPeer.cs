using PeopleSwarm.Dht.Kademlia;
using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Testing;

namespace PeopleSwarm.Dht.Rpc;

/// <summary>A host that sends what a test gives it and keeps what comes back; by itself it does nothing.</summary>
internal sealed class RawPeer : IDatagramMachine
{
    private readonly Queue<(byte[] Datagram, UdpEndPoint To)> _outgoing = new();
    private readonly SimulatedNetwork _network;

    public RawPeer(SimulatedNetwork network, string address)
    {
        (_network, Address) = (network, UdpEndPoint.Parse(address));
        network.Add(Address, this);
    }

    public UdpEndPoint Address { get; }

    public NodeId Id => new NodeIds(TestCrypto.Suite).Of(Address);

    public List<(byte[] Datagram, UdpEndPoint From, Timestamp At)> Received { get; } = [];

    /// <summary>Answers datagrams at once; null stays silent.</summary>
    public Func<byte[], UdpEndPoint, byte[]?>? Answer { get; set; }

    public Timestamp? NextTimeout => null;

    public void Send(UdpEndPoint to, byte[] datagram) => _outgoing.Enqueue((datagram, to));

    /// <summary>Sends a datagram and gives what came back within a second.</summary>
    public List<byte[]> Exchange(UdpEndPoint to, byte[] datagram)
    {
        int before = Received.Count;
        Send(to, datagram);
        _network.RunFor(TimeSpan.FromSeconds(1));
        return [.. Received.Skip(before).Select(r => r.Datagram)];
    }

    public bool Receive(Timestamp now, ReadOnlySpan<byte> datagram, in DatagramSource source)
    {
        Received.Add((datagram.ToArray(), source.From, now));
        if (Answer?.Invoke(datagram.ToArray(), source.From) is { } answer) Send(source.From, answer);
        return true;
    }

    public void HandleTimeout(Timestamp now) { }

    public bool PollTransmit(Timestamp now, Span<byte> buffer, out Transmit transmit)
    {
        transmit = default;
        if (!_outgoing.TryDequeue(out var next)) return false;
        next.Datagram.CopyTo(buffer);
        transmit = new(next.To, next.Datagram.Length);
        return true;
    }

    /// <summary>A request datagram.</summary>
    public static byte[] Request(UdpEndPoint to, int command, bool isInternal = true, NodeId? target = null, byte[]? value = null, byte[]? token = null,
        NodeId? id = null, ushort tid = 7)
    {
        var message = new RpcRequestMessage
        {
            Tid = tid, To = to, Command = command, IsInternal = isInternal, Target = target, Token = token, Id = id, HasValue = value is not null, Value = value,
        };
        var datagram = new byte[message.Size];
        message.Write(datagram);
        return datagram;
    }

    /// <summary>A response datagram.</summary>
    public static byte[] Response(UdpEndPoint to, ushort tid, NodeId? id = null, byte[]? token = null, UdpEndPoint[]? closerNodes = null, int error = 0, byte[]? value = null)
    {
        var message = new RpcResponseMessage { Tid = tid, To = to, Id = id, Token = token, Error = error, HasValue = value is not null, Value = value };
        var buffer = new byte[RpcProtocol.MaxDatagramSize];
        return buffer[..message.Write(buffer, closerNodes)];
    }

    /// <summary>The transaction id of a datagram.</summary>
    public static ushort TidOf(byte[] datagram) => (ushort)(datagram[2] | datagram[3] << 8);

    public static bool IsRequest(byte[] datagram) => datagram[0] == RpcRequestMessage.Header;
}
