using System.Globalization;
using static System.Buffers.Binary.BinaryPrimitives;

namespace PeopleSwarm.Testing;

/// <summary>Datagrams of this network in words: stream packets (spec udx, 3), DHT messages (spec dht-rpc, 4 and 5), punch probes.</summary>
public static class PacketText
{
    private static readonly string[] s_internalCommands = ["PING", "PING_NAT", "FIND_NODE", "DOWN_HINT", "DELAYED_PING"];
    private static readonly string[] s_peerCommands =
        ["PEER_HANDSHAKE", "PEER_HOLEPUNCH", "FIND_PEER", "LOOKUP", "ANNOUNCE", "UNANNOUNCE", "MUTABLE_PUT", "MUTABLE_GET", "IMMUTABLE_PUT", "IMMUTABLE_GET"];
    private static readonly string[] s_packetTypes = ["DATA", "END", "SACK", "MESSAGE", "DESTROY", "HEARTBEAT"];

    /// <summary>Says what a datagram is; never throws.</summary>
    /// <param name="head">The first bytes.</param>
    /// <param name="length">Bytes of the whole datagram.</param>
    public static string Format(ReadOnlySpan<byte> head, int length)
    {
        if (length == 1 && head is [0]) return "punch probe";
        if (head.Length >= 20 && head[0] == 0xFF && head[1] == 1) return FormatStream(head, length);
        if (head.Length >= 10 && head[0] == 0x03) return FormatRequest(head, length);
        if (head.Length >= 10 && head[0] == 0x13) return FormatResponse(head, length);
        return string.Create(CultureInfo.InvariantCulture, $"{length} bytes {Convert.ToHexStringLower(head[..Math.Min(head.Length, 16)])}");
    }

    private static string FormatStream(ReadOnlySpan<byte> head, int length)
    {
        int bits = head[2];
        string types = string.Join('+', s_packetTypes.Where((_, i) => (bits >> i & 1) != 0));
        if (types.Length == 0) types = "STATE";
        int payload = Math.Max(0, length - 20 - head[3]);
        uint id = ReadUInt32LittleEndian(head[4..]), window = ReadUInt32LittleEndian(head[8..]);
        uint seq = ReadUInt32LittleEndian(head[12..]), ack = ReadUInt32LittleEndian(head[16..]);
        return string.Create(CultureInfo.InvariantCulture, $"UDX {types} id={id} seq={seq} ack={ack} wnd={window} skip={head[3]} payload={payload}");
    }

    private static string FormatRequest(ReadOnlySpan<byte> head, int length)
    {
        int flags = head[1], at = 10 + ((flags & 1) != 0 ? 32 : 0) + ((flags & 2) != 0 ? 32 : 0);
        string command = "?";
        if (at < head.Length)
        {
            string[] names = (flags & 4) != 0 ? s_internalCommands : s_peerCommands;
            command = head[at] < names.Length ? names[head[at]] : head[at].ToString(CultureInfo.InvariantCulture);
        }
        string parts = Parts(flags, [(1, " id"), (2, " token"), (8, " target"), (16, " value")]);
        return string.Create(CultureInfo.InvariantCulture, $"DHT request {command} tid={ReadUInt16LittleEndian(head[2..])}{parts} {length} bytes");
    }

    private static string FormatResponse(ReadOnlySpan<byte> head, int length)
    {
        int flags = head[1];
        string parts = Parts(flags, [(1, " id"), (2, " token"), (4, " closer"), (8, " error"), (16, " value")]);
        return string.Create(CultureInfo.InvariantCulture, $"DHT response tid={ReadUInt16LittleEndian(head[2..])}{parts} {length} bytes");
    }

    private static string Parts(int flags, IEnumerable<(int Flag, string Name)> names) =>
        string.Concat(names.Where(part => (flags & part.Flag) != 0).Select(part => part.Name));
}
