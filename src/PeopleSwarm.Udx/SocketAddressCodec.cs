using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace PeopleSwarm.Udx;

/// <summary>Reads and writes the system's socket addresses without allocating.</summary>
/// <remarks>On every system a port is at byte 2, an IPv4 address at 4 and an IPv6 address at 8; only the first two bytes differ.</remarks>
internal static class SocketAddressCodec
{
    public const int IPv4Size = 16, IPv6Size = 28;
    private const int PortOffset = 2, IPv4Offset = 4, IPv6Offset = 8;

    /// <summary>An address of <paramref name="family"/> with its family bytes set, to be filled by <see cref="TryWrite"/>.</summary>
    public static SocketAddress Create(AddressFamily family) =>
        new IPEndPoint(family == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0).Serialize();

    /// <summary>Writes port and address; false if a socket of <paramref name="family"/> cannot reach it.</summary>
    public static bool TryWrite(Span<byte> destination, AddressFamily family, in UdpEndPoint endPoint)
    {
        BinaryPrimitives.WriteUInt16BigEndian(destination[PortOffset..], endPoint.Port);
        if (family == AddressFamily.InterNetworkV6)
        {
            endPoint.WriteAddress16(destination[IPv6Offset..]);
            return true;
        }
        if (!endPoint.IsIPv4) return false;
        BinaryPrimitives.WriteUInt32BigEndian(destination[IPv4Offset..], endPoint.IPv4);
        return true;
    }

    public static UdpEndPoint Read(ReadOnlySpan<byte> source, AddressFamily family)
    {
        ushort port = BinaryPrimitives.ReadUInt16BigEndian(source[PortOffset..]);
        return family == AddressFamily.InterNetworkV6
            ? new(source.Slice(IPv6Offset, 16), port)
            : new(BinaryPrimitives.ReadUInt32BigEndian(source[IPv4Offset..]), port);
    }
}
