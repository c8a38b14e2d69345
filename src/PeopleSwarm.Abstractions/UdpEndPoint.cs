using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Unicode;

namespace PeopleSwarm;

/// <summary>An IPv4 or IPv6 address and a port as a value of 24 bytes, made and compared without allocating.</summary>
/// <remarks>IPv4 is kept in its IPv6-mapped form, so an address seen through a dual-mode socket equals the plain one.</remarks>
public readonly record struct UdpEndPoint
{
    private const ulong MappedPrefix = 0x0000_FFFF_0000_0000;

    private readonly ulong _high, _low;
    private readonly ushort _port;

    private UdpEndPoint(ulong high, ulong low, ushort port) => (_high, _low, _port) = (high, low, port);

    /// <summary>An IPv4 end point; <paramref name="address"/> is 0x7F000001 for 127.0.0.1.</summary>
    public UdpEndPoint(uint address, ushort port) : this(0, MappedPrefix | address, port) { }

    /// <summary>An end point from 4 or 16 address bytes in network order.</summary>
    /// <exception cref="ArgumentException"><paramref name="address"/> is neither 4 nor 16 bytes.</exception>
    public UdpEndPoint(ReadOnlySpan<byte> address, ushort port)
    {
        _port = port;
        if (address.Length == 4)
        {
            _low = MappedPrefix | BinaryPrimitives.ReadUInt32BigEndian(address);
            return;
        }
        if (address.Length != 16) throw new ArgumentException("An address is 4 or 16 bytes.", nameof(address));
        _high = BinaryPrimitives.ReadUInt64BigEndian(address);
        _low = BinaryPrimitives.ReadUInt64BigEndian(address[8..]);
    }

    /// <summary>0.0.0.0 with port 0: any IPv4 address, any port.</summary>
    public static UdpEndPoint AnyIPv4 => new(0u, 0);

    /// <summary>[::] with port 0: any address, any port; dual mode where the system can.</summary>
    public static UdpEndPoint AnyIPv6 => new(0, 0, 0);

    /// <summary>127.0.0.1 with <paramref name="port"/>.</summary>
    public static UdpEndPoint Loopback(ushort port) => new(0x7F000001u, port);

    /// <summary>The port in host order.</summary>
    public ushort Port => _port;

    /// <summary>Whether the address is IPv4, mapped ones included.</summary>
    public bool IsIPv4 => _high == 0 && _low >> 32 == 0xFFFF;

    /// <summary>Whether the address is 127.0.0.0/8 or ::1.</summary>
    public bool IsLoopback => IsIPv4 ? (uint)_low >> 24 == 127 : _high == 0 && _low == 1;

    /// <summary>The IPv4 address as a number, 0x7F000001 for 127.0.0.1.</summary>
    /// <exception cref="InvalidOperationException">The address is IPv6.</exception>
    public uint IPv4 => IsIPv4 ? (uint)_low : throw new InvalidOperationException("The address is IPv6.");

    /// <summary>The same address with another port.</summary>
    public UdpEndPoint WithPort(ushort port) => new(_high, _low, port);

    /// <summary>Whether both have the same address, whatever the ports.</summary>
    public bool HasSameAddress(in UdpEndPoint other) => _high == other._high && _low == other._low;

    /// <summary>Writes the address in network order: 4 bytes for IPv4, 16 for IPv6. Returns the number written.</summary>
    public int WriteAddress(Span<byte> destination)
    {
        if (IsIPv4)
        {
            BinaryPrimitives.WriteUInt32BigEndian(destination, (uint)_low);
            return 4;
        }
        WriteAddress16(destination);
        return 16;
    }

    /// <summary>Writes 16 address bytes in network order, IPv4 in mapped form.</summary>
    public void WriteAddress16(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination, _high);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], _low);
    }

    /// <summary>The address as the platform's type. Allocates.</summary>
    public IPAddress ToIPAddress()
    {
        Span<byte> bytes = stackalloc byte[16];
        return new IPAddress(bytes[..WriteAddress(bytes)]);
    }

    /// <summary>The end point as the platform's type. Allocates.</summary>
    public IPEndPoint ToIPEndPoint() => new(ToIPAddress(), _port);

    /// <summary>The platform's end point as a value; a scope id is not kept.</summary>
    public static UdpEndPoint From(IPEndPoint endPoint)
    {
        ArgumentNullException.ThrowIfNull(endPoint);
        return From(endPoint.Address, (ushort)endPoint.Port);
    }

    /// <summary>The platform's address with a port; a scope id is not kept.</summary>
    public static UdpEndPoint From(IPAddress address, ushort port)
    {
        ArgumentNullException.ThrowIfNull(address);
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out int length);
        return new(bytes[..length], port);
    }

    /// <summary>Reads <c>1.2.3.4:5</c> or <c>[::1]:5</c>; the port is required.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out UdpEndPoint endPoint)
    {
        endPoint = default;
        if (text is null || !IPEndPoint.TryParse(text, out var parsed)) return false;
        int colon = text.LastIndexOf(':');
        bool hasPort = parsed.AddressFamily == AddressFamily.InterNetwork ? colon > 0 : colon > 0 && text[colon - 1] == ']';
        if (!hasPort) return false;
        endPoint = From(parsed);
        return true;
    }

    /// <summary>Reads <c>1.2.3.4:5</c> or <c>[::1]:5</c>.</summary>
    /// <exception cref="FormatException">The text is not an address with a port.</exception>
    public static UdpEndPoint Parse(string text) =>
        TryParse(text, out var endPoint) ? endPoint : throw new FormatException($"'{text}' is not of the form address:port.");

    /// <summary>The address without the port, as text.</summary>
    public string HostText => IsIPv4
        ? string.Create(CultureInfo.InvariantCulture, $"{(byte)(_low >> 24)}.{(byte)(_low >> 16)}.{(byte)(_low >> 8)}.{(byte)_low}")
        : ToIPAddress().ToString();

    /// <summary>Writes <see cref="HostText"/> as ASCII; returns the bytes written, at most 45.</summary>
    /// <exception cref="ArgumentException"><paramref name="destination"/> is too short.</exception>
    public int WriteHostText(Span<byte> destination)
    {
        bool fits = IsIPv4
            ? Utf8.TryWrite(destination, CultureInfo.InvariantCulture, $"{(byte)(_low >> 24)}.{(byte)(_low >> 16)}.{(byte)(_low >> 8)}.{(byte)_low}", out int written)
            : ToIPAddress().TryFormat(destination, out written);
        return fits ? written : throw new ArgumentException("The text of the address does not fit.", nameof(destination));
    }

    /// <summary><c>1.2.3.4:5</c> or <c>[::1]:5</c>.</summary>
    public override string ToString() => IsIPv4
        ? string.Create(CultureInfo.InvariantCulture, $"{HostText}:{_port}")
        : string.Create(CultureInfo.InvariantCulture, $"[{HostText}]:{_port}");
}
