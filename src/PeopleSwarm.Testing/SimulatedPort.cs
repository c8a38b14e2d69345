namespace PeopleSwarm.Testing;

/// <summary>An open UDP port of a host.</summary>
internal sealed class SimulatedPort(SimulatedHost host, UdpEndPoint local, bool isAny, DatagramSocketOptions options,
    Action<Packet> deliver, Action<Exception> fail)
{
    public UdpEndPoint LocalEndPoint => local;
    public bool IsAny => isAny;
    public DatagramSocketOptions Options => options;

    public void Deliver(Packet packet) => deliver(packet);

    /// <summary>Its address is gone.</summary>
    public void Fail(Exception error) => fail(error);

    /// <summary>Sends one datagram, or a run of equal ones as single datagrams.</summary>
    public void Send(ReadOnlySpan<byte> datagrams, in Transmit transmit)
    {
        byte ttl = transmit.Ttl != 0 ? transmit.Ttl : options.Ttl;
        int size = transmit.SegmentSize > 0 ? transmit.SegmentSize : Math.Max(1, datagrams.Length);
        do
        {
            int length = Math.Min(size, datagrams.Length);
            host.Send(this, datagrams[..length], transmit.To, ttl, transmit.MayFragment);
            datagrams = datagrams[length..];
        }
        while (datagrams.Length > 0);
    }

    public void Close() => host.Close(this);
}
