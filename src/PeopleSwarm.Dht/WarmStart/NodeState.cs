using System.Globalization;
using System.Text;
using PeopleSwarm.Dht.Rpc;

namespace PeopleSwarm.Dht.WarmStart;

/// <summary>What a node remembers from one run to the next, and its text form: a line each, whole or not at all.</summary>
/// <param name="Network">Which network it was learned in: a hash of the bootstrap nodes.</param>
/// <param name="Nodes">Nodes of the routing table, the one heard last first.</param>
/// <param name="Peers">Peers we were connected to, and nodes that forward handshakes to them.</param>
internal sealed record NodeState(NodeId Network, IReadOnlyList<UdpEndPoint> Nodes, IReadOnlyList<PeerRecord> Peers)
{
    /// <summary>More are neither written nor read.</summary>
    public const int MaxNodes = 512, MaxPeers = 1024, MaxRelays = 16;

    /// <summary>Bytes of the longest text that is read.</summary>
    public const int MaxSize = 1024 * 1024;

    private const string Header = "peopleswarm-dht 1", NetworkWord = "network", NodeWord = "node", PeerWord = "peer", EndWord = "end";

    /// <summary>The same bootstrap nodes in any order are one network; any other set is another.</summary>
    public static NodeId NetworkOf(ICryptoSuite crypto, IEnumerable<string> bootstrap)
    {
        var entries = bootstrap.Select(text => BootstrapEntry.TryParse(text, out var entry) ? entry!.ToString() : text);
        Span<byte> hash = stackalloc byte[NodeId.Size];
        crypto.Hash(Encoding.UTF8.GetBytes(string.Join('\n', entries.Distinct().Order(StringComparer.Ordinal))), hash);
        return new(hash);
    }

    /// <summary>The text; <see cref="TryParse"/> reads it.</summary>
    public override string ToString()
    {
        var lines = new List<string> { Header, $"{NetworkWord} {Network}" };
        lines.AddRange(Nodes.Where(IsAddress).Take(MaxNodes).Select(node => $"{NodeWord} {node}"));
        lines.AddRange(Peers.Where(peer => peer.RelayAddresses.Any(IsAddress)).Take(MaxPeers)
            .Select(peer => $"{PeerWord} {peer.PublicKey} {string.Join(' ', peer.RelayAddresses.Where(IsAddress).Take(MaxRelays))}"));
        lines.Add(string.Create(CultureInfo.InvariantCulture, $"{EndWord} {lines.Count}")); // a text cut short is no text
        return string.Join('\n', lines) + "\n";
    }

    /// <summary>Reads a text; false if it is of another version, cut, or not entirely of this form.</summary>
    public static bool TryParse(string text, out NodeState? state)
    {
        state = null;
        var lines = text.Split('\n');
        if (lines.Length < 4 || lines[^1].Length != 0 || lines[0] != Header) return false;
        if (lines[^2] != string.Create(CultureInfo.InvariantCulture, $"{EndWord} {lines.Length - 2}")) return false;
        if (lines[1].Split(' ') is not [NetworkWord, var network] || !NodeId.TryParse(network, out var id)) return false;
        List<UdpEndPoint> nodes = [];
        List<PeerRecord> peers = [];
        foreach (string line in lines[2..^2])
        {
            bool isRead = line.Split(' ') switch
            {
                [NodeWord, var address] => nodes.Count < MaxNodes && TryAdd(nodes, address),
                [PeerWord, var key, .. var relays] => peers.Count < MaxPeers && TryAdd(peers, key, relays),
                _ => false,
            };
            if (!isRead) return false;
        }
        state = new(id, nodes, peers);
        return true;
    }

    private static bool TryAdd(List<PeerRecord> peers, string key, string[] relays)
    {
        List<UdpEndPoint> addresses = [];
        if (!PublicKey.TryParse(key, out var publicKey) || relays.Length is 0 or > MaxRelays || !relays.All(relay => TryAdd(addresses, relay))) return false;
        peers.Add(new(publicKey, addresses));
        return true;
    }

    private static bool TryAdd(List<UdpEndPoint> addresses, string text)
    {
        if (!UdpEndPoint.TryParse(text, out var address) || !IsAddress(address)) return false;
        addresses.Add(address);
        return true;
    }

    /// <summary>Whether it is one that is read again: peers tell us their relays, and may tell us anything.</summary>
    private static bool IsAddress(UdpEndPoint address) => address.IsIPv4 && address.Port != 0;
}
