namespace PeopleSwarm;

/// <summary>A socket of one <see cref="IDatagramHost"/>. Ids are not used again within a host.</summary>
public readonly record struct SocketId(int Value);

/// <summary>Where a datagram came from and on which socket it arrived.</summary>
public readonly record struct DatagramSource(UdpEndPoint From, SocketId Socket);

/// <summary>What to send: one datagram, or several of equal size, back to back in the buffer, to the same address.</summary>
/// <param name="To">The destination; its port is never 0.</param>
/// <param name="Length">Bytes of all datagrams together.</param>
/// <param name="Socket">The socket it leaves through.</param>
/// <param name="SegmentSize">Bytes of each datagram, the last may be shorter; 0 for a single one.</param>
/// <param name="Ttl">Hop limit, 1 to 255; 0 leaves the socket's own.</param>
/// <param name="MayFragment">Whether the IP layer may cut it on the way: the path no longer carries packets of this size.</param>
public readonly record struct Transmit(UdpEndPoint To, int Length, SocketId Socket = default, int SegmentSize = 0, byte Ttl = 0, bool MayFragment = false);
