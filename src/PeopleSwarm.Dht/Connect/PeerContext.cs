using PeopleSwarm.Dht.HolePunch;
using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Dht.Rpc;

namespace PeopleSwarm.Dht.Connect;

/// <summary>What the peer machines of one node share.</summary>
internal sealed class PeerContext
{
    public required IRpcEngine Engine { get; init; }
    public required ICryptoSuite Crypto { get; init; }
    public required IHandshakeFactory Handshakes { get; init; }
    public required IRandomSource Random { get; init; }
    public required PeerDhtOptions Options { get; init; }

    /// <summary>Makes a stream on the node's host.</summary>
    public required Func<ReliableStreamOptions, IReliableStream> CreateStream { get; init; }

    /// <summary>Our addresses in the local network, with the server socket's port.</summary>
    public required Func<IReadOnlyList<UdpEndPoint>> LocalAddresses { get; init; }

    /// <summary>The loop's instant, where a stream calls back without one.</summary>
    public required Func<Timestamp> Now { get; init; }

    /// <summary>The wall clock in Unix milliseconds.</summary>
    public required Func<long> UnixMilliseconds { get; init; }

    public required PeerNamespaces Namespaces { get; init; }

    /// <summary>Paths kept for the next connection; null for a node that keeps none.</summary>
    public IReusableRoutes? Routes { get; init; }

    /// <summary>Null for a node that does not punch.</summary>
    public PunchMachine? Punching { get; init; }

    /// <summary>Null for a node that uses no relays.</summary>
    public IRelayDialler? Relays { get; init; }

    /// <summary>A token no one else can know.</summary>
    public Topic NewToken()
    {
        Span<byte> token = stackalloc byte[Topic.Size];
        Random.Fill(token);
        return new(token);
    }

    /// <summary>A stream was connected: its path is kept for the next one if both sides want that, and so is the socket that punched it.</summary>
    public void HandOver(PublicKey remote, IReliableStream stream, PeerPath path, bool isReusable)
    {
        if (isReusable) Routes?.Keep(remote, stream, path);
        if (path == PeerPath.Punched) Punching?.HandOver(stream.Remote.Socket, stream, isReusable ? Options.ReusableSocketLinger : null);
    }

    /// <summary>Set by a machine whose deadline changed; the owner then looks for the earliest again.</summary>
    public bool DeadlinesChanged { get; set; } = true;

    /// <summary>What both sides list in their handshake: our public address if proved, then local ones.</summary>
    public IReadOnlyList<UdpEndPoint> ListedAddresses(bool withLocal)
    {
        var addresses = new List<UdpEndPoint>(4);
        if (Engine.PublicEndPoint is { } own) addresses.Add(own);
        if (withLocal) addresses.AddRange(LocalAddresses());
        return addresses;
    }

    /// <summary>Open only if proved, else unknown: handshakes say nothing finer.</summary>
    public PeerFirewallState Firewall => Engine.PublicEndPoint is null ? PeerFirewallState.Unknown : PeerFirewallState.Open;

    /// <summary>What seals the punch rounds of a connection (spec hyperdht, 8.1).</summary>
    public PunchSecrets PunchSecretsOf(HandshakeResult keys) => PunchSecretsOf(keys.Hash);

    /// <summary>Likewise, from the handshake's hash.</summary>
    public PunchSecrets PunchSecretsOf(ReadOnlyMemory<byte> handshakeHash)
    {
        Span<byte> key = stackalloc byte[32];
        Crypto.KeyedHash(handshakeHash.Span, Namespaces.PeerHolepunch, key);
        return new(Crypto, Random, key);
    }

    /// <summary>Whether a stream can be sent there at all.</summary>
    public static bool IsDialable(in UdpEndPoint address) => address.IsIPv4 && address.Port != 0 && !AddressRanges.IsReserved(address);
}

/// <summary>A stream whose peer is known and whose keys are agreed on; the receiver owns both.</summary>
internal sealed record PeerLink(IReliableStream Stream, HandshakeResult Keys, PublicKey RemotePublicKey, PeerPath Path, UnorderedInlet Unordered,
    bool IsHeard)
{
    /// <summary>What was tried; null where we were dialled.</summary>
    public ConnectLog? Log { get; init; }

    /// <summary>The path as it changes; null where it will not.</summary>
    public PathState? Paths { get; init; }
}

/// <summary>Takes a stream's unordered messages until there is a channel to open them.</summary>
internal sealed class UnorderedInlet
{
    public ISecretChannel? Channel { get; set; }

    public void Receive(ReadOnlySpan<byte> message) => Channel?.ReceiveUnordered(message);
}
