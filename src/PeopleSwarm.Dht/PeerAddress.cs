using PeopleSwarm.Dht.Messages;

namespace PeopleSwarm;

/// <summary>A key with nodes that know the way to it, as one invitation: they are tried before anybody is looked up.</summary>
/// <remarks>Spec: hyperdht, 12; byte-compatible with the npm package <c>hyperdht-address</c>. Dial it with <see cref="ToConnectOptions"/>.</remarks>
/// <param name="PublicKey">Whom to dial.</param>
/// <param name="Nodes">IPv4 addresses of nodes that forward to it, those of <see cref="IPeerListener.RelayAddresses"/>; may be empty.</param>
public sealed record PeerAddress(PublicKey PublicKey, IReadOnlyList<UdpEndPoint> Nodes)
{
    private const int NodesFlag = 1, MaxNodes = 32;

    /// <summary>Reads the bytes of an address, or of a key alone; false if they are neither.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> bytes, out PeerAddress? address)
    {
        address = null;
        var reader = new CompactReader(bytes);
        if (!reader.TryReadPublicKey(out var key)) return false;
        var nodes = default(AddressArray);
        if (bytes.Length > PublicKey.Size
            && (!reader.TryReadUInt(out long flags) || (flags & NodesFlag) != 0 && !reader.TryReadArrayOfAddresses(out nodes))) return false;
        address = new(key, nodes.ToArray(MaxNodes));
        return true;
    }

    /// <summary>The bytes: 33 without nodes, else 34 and 6 for each node.</summary>
    /// <exception cref="InvalidOperationException">There are more than 32 nodes, or one is not IPv4.</exception>
    public byte[] Encode()
    {
        if (Nodes.Count > MaxNodes || Nodes.Any(node => !node.IsIPv4))
            throw new InvalidOperationException($"An address has at most {MaxNodes} nodes, with IPv4 addresses.");
        var bytes = new byte[PublicKey.Size + 1 + (Nodes.Count == 0 ? 0 : CompactWriter.SizeOfAddresses(Nodes.Count))];
        var writer = new CompactWriter(bytes);
        writer.WritePublicKey(PublicKey);
        writer.WriteUInt(Nodes.Count == 0 ? 0 : NodesFlag);
        if (Nodes.Count != 0) writer.WriteArrayOfAddresses(Nodes);
        return bytes;
    }

    /// <summary>Options of a connect that begins at the nodes.</summary>
    public PeerConnectOptions ToConnectOptions(PeerConnectOptions? options = null) => (options ?? new()) with { RelayAddresses = Nodes };
}
