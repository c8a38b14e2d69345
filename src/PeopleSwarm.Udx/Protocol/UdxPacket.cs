namespace PeopleSwarm.Udx.Protocol;

/// <summary>A packet borrowed from the receive buffer; not to be kept after the call.</summary>
internal readonly ref struct UdxPacket
{
    /// <summary>Longest UDP payload a peer takes; the rest is cut (spec udx, 2).</summary>
    public const int MaxSize = 2048;

    private readonly ReadOnlySpan<byte> _rest;

    private UdxPacket(UdxHeader header, ReadOnlySpan<byte> rest)
    {
        Header = header;
        _rest = rest;
    }

    public UdxHeader Header { get; }

    /// <summary>Whether the data offset lies within the packet; if not, it carries no payload and is dropped.</summary>
    public bool IsWellFormed => Header.DataOffset <= _rest.Length;

    public bool Has(PacketTypes type) => (Header.Types & type) != 0;

    /// <summary>What follows the data offset; only of a well-formed packet.</summary>
    public ReadOnlySpan<byte> Payload => _rest[Header.DataOffset..];

    /// <summary>The selective-acknowledgement blocks, 8 bytes each; empty without the flag (spec udx, 3.4).</summary>
    public ReadOnlySpan<byte> SackArea => !Has(PacketTypes.Sack) ? default
        : Header.DataOffset > 0 && Header.DataOffset < _rest.Length ? _rest[..Header.DataOffset] : _rest;

    public static bool TryParse(ReadOnlySpan<byte> datagram, out UdxPacket packet)
    {
        packet = default;
        if (datagram.Length > MaxSize) datagram = datagram[..MaxSize];
        if (!UdxHeader.TryParse(datagram, out var header)) return false;
        packet = new(header, datagram[UdxHeader.Size..]);
        return true;
    }
}
