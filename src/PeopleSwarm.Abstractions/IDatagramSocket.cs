using System.Net.Sockets;

namespace PeopleSwarm;

/// <summary>Binds UDP sockets: the system's, or a test's.</summary>
public interface IDatagramSocketFactory
{
    /// <summary>Binds a socket to <paramref name="local"/>; port 0 takes any.</summary>
    /// <exception cref="SocketException">The port is in use or the address is not ours.</exception>
    IDatagramSocket Bind(UdpEndPoint local, DatagramSocketOptions options);
}

/// <summary>How a socket is bound.</summary>
public sealed record DatagramSocketOptions
{
    /// <summary>The defaults.</summary>
    public static DatagramSocketOptions Default { get; } = new();

    /// <summary>Receive buffer asked of the system, in bytes; the system may give less. Default 4 MiB.</summary>
    public int ReceiveBufferSize { get; init; } = 4 * 1024 * 1024;

    /// <summary>Send buffer asked of the system, in bytes; the system may give less. Default 2 MiB.</summary>
    public int SendBufferSize { get; init; } = 2 * 1024 * 1024;

    /// <summary>Hop limit of datagrams that carry none of their own, 1 to 255. Default 64.</summary>
    public byte Ttl { get; init; } = 64;

    /// <summary>On an IPv6 address: refuse IPv4. Default false, which is dual mode.</summary>
    public bool IPv6Only { get; init; }

    /// <summary>Let several sockets share the address and port. Default false.</summary>
    public bool ReuseAddress { get; init; }
}

/// <summary>A bound UDP socket, driven by one loop. Only <see cref="IDatagramReceiver.OnReadable"/> and its like come from other threads.</summary>
public interface IDatagramSocket : IAsyncDisposable
{
    /// <summary>The address bound, with its real port.</summary>
    UdpEndPoint LocalEndPoint { get; }

    /// <summary>How many equal datagrams one <see cref="TrySend"/> can carry; 1 where the system cannot segment.</summary>
    int MaxSegments { get; }

    /// <summary>Names the receiver and begins to watch for datagrams. Once.</summary>
    void Start(IDatagramReceiver receiver);

    /// <summary>Hands up to about <paramref name="maxDatagrams"/> waiting datagrams to the receiver.</summary>
    /// <returns>True if more may be waiting; false if <see cref="IDatagramReceiver.OnReadable"/> will tell of the next.</returns>
    bool Receive(int maxDatagrams);

    /// <summary>Sends one datagram or one run of equal ones.</summary>
    /// <returns>False if the system's buffer is full: keep it and try again after <see cref="IDatagramReceiver.OnWritable"/>.
    /// Anything the system refuses otherwise counts as sent and lost.</returns>
    bool TrySend(ReadOnlySpan<byte> datagrams, in Transmit transmit);
}

/// <summary>The loop's side of a socket.</summary>
public interface IDatagramReceiver
{
    /// <summary>Datagrams are waiting. Any thread.</summary>
    void OnReadable();

    /// <summary>One datagram, borrowed until the call returns. Only during <see cref="IDatagramSocket.Receive"/>.</summary>
    void OnDatagram(ReadOnlySpan<byte> datagram, in UdpEndPoint from);

    /// <summary>The system's buffer has room again. Any thread.</summary>
    void OnWritable();

    /// <summary>The socket is gone: null after dispose, else the reason. Any thread.</summary>
    void OnClosed(Exception? error);
}
