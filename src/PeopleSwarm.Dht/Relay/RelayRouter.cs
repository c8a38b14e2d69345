using PeopleSwarm.Dht.Connect;
using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Dht.Rpc;
using PeopleSwarm.Dht.Storage;

namespace PeopleSwarm.Dht.Relay;

/// <summary>
/// Passes PEER_HANDSHAKE and PEER_HOLEPUNCH on for others (spec hyperdht, 7). All hops but the last are requests with the
/// transaction id of the first; the last is an answer to the client.
/// </summary>
/// <remarks>
/// Against reflection: addresses that a message names are refused unless they can be someone's, sources and named destinations
/// have a rate, and a server's answer only goes to a client that asked us for it a moment ago.
/// </remarks>
internal sealed class RelayRouter(IRpcEngine engine, RouteTable routes, PeerDhtOptions options)
{
    private readonly TwoGenerationCache<Flow, bool> _flows = new(options.MaxForwardsInFlight, options.ForwardLifetime);
    private readonly RateLimiter<UdpEndPoint> _sources =
        new(options.ForwardsPerSourcePerSecond, 2 * options.ForwardsPerSourcePerSecond, options.MaxTrackedSources);
    private readonly RateLimiter<UdpEndPoint> _destinations =
        new(options.ForwardsPerDestinationPerSecond, 2 * options.ForwardsPerDestinationPerSecond, options.MaxTrackedSources);

    private readonly record struct Flow(int Command, ushort Tid, NodeId Target, UdpEndPoint Client);

    /// <summary>Messages passed on.</summary>
    public long Forwarded { get; private set; }

    /// <summary>Messages dropped by a limit, or because nobody asked for them.</summary>
    public long Refused { get; private set; }

    /// <summary>Passes a handshake on for a target that is not ours (spec hyperdht, 7.2).</summary>
    public void RouteHandshake(Timestamp now, in RpcIncoming request, in PeerHandshakeMessage message)
    {
        if (request.Target is not { } target || message.Noise.IsEmpty) return;
        var relay = FindRelay(now, target);
        switch (message.Mode)
        {
            case RoutingMode.FromClient when relay is null && message.RelayAddress is null:
                engine.Reply(now, request, new(WithToken: false)); // the closer nodes help the client on
                break;
            case RoutingMode.FromClient:
                if (!MayForward(now, request.From, message.RelayAddress)) return;
                Remember(now, request, target);
                Forward(now, request, message.RelayAddress ?? relay!.Value,
                    new PeerHandshakeMessage(RoutingMode.FromRelay, message.Noise, peerAddress: request.From).Encode());
                break;
            case RoutingMode.FromRelay when relay is { } next:
                if (!MayForward(now, request.From, named: null)) return;
                Forward(now, request, next,
                    new PeerHandshakeMessage(RoutingMode.FromSecondRelay, message.Noise, message.PeerAddress, relayAddress: request.From).Encode());
                break;
            case RoutingMode.FromServer when message.PeerAddress is { } client:
                AnswerClient(now, request, target, client, new PeerHandshakeMessage(RoutingMode.Reply, message.Noise, peerAddress: request.From).Encode());
                break;
        }
    }

    /// <summary>Passes a punch round on (spec hyperdht, 7.3). From a client it is always passed on, even to ourselves: a server hears relays alone.</summary>
    public void RouteHolepunch(Timestamp now, in RpcIncoming request, in PeerHolepunchMessage message)
    {
        if (request.Target is not { } target) return;
        switch (message.Mode)
        {
            case RoutingMode.FromClient when (message.PeerAddress ?? FindRelay(now, target)) is { } next:
                if (!MayForward(now, request.From, message.PeerAddress)) return;
                Remember(now, request, target);
                Forward(now, request, next, new PeerHolepunchMessage(RoutingMode.FromRelay, message.Id, message.Payload, request.From).Encode());
                break;
            case RoutingMode.FromServer when message.PeerAddress is { } client:
                AnswerClient(now, request, target, client, new PeerHolepunchMessage(RoutingMode.Reply, message.Id, message.Payload, request.From).Encode());
                break;
        }
    }

    /// <summary>Sends our own server's answer back the way the handshake came (spec hyperdht, 7.1).</summary>
    /// <param name="now">The current instant.</param>
    /// <param name="request">The request answered.</param>
    /// <param name="way">How the handshake came.</param>
    /// <param name="noise">The server's Noise message.</param>
    /// <param name="socket">The socket to answer through; null for the one the request came in on.</param>
    public void AnswerHandshake(Timestamp now, in RpcIncoming request, in HandshakeWay way, ReadOnlySpan<byte> noise, SocketId? socket = null)
    {
        switch (way.Mode)
        {
            case RoutingMode.FromClient:
                engine.Reply(now, request, new(new PeerHandshakeMessage(RoutingMode.Reply, noise).Encode(),
                    WithToken: false, WithCloserNodes: false, Socket: socket));
                break;
            case RoutingMode.FromRelay:
                engine.Forward(now, request, request.From, new PeerHandshakeMessage(RoutingMode.FromServer, noise, way.PeerAddress).Encode(), socket);
                break;
            case RoutingMode.FromSecondRelay when way.RelayAddress is { } relay:
                if (!MayForward(now, request.From, relay)) return;
                engine.Forward(now, request, relay, new PeerHandshakeMessage(RoutingMode.FromServer, noise, way.PeerAddress).Encode(), socket);
                break;
        }
    }

    private UdpEndPoint? FindRelay(Timestamp now, in NodeId target) => routes.TryGet(now, target, out var route) ? route.Relay : null;

    private void Forward(Timestamp now, in RpcIncoming request, in UdpEndPoint to, byte[] value)
    {
        Forwarded++;
        engine.Forward(now, request, to, value);
    }

    private void Remember(Timestamp now, in RpcIncoming request, in NodeId target) =>
        _flows.Set(now, new(request.Command, request.Tid, target, request.From), true);

    private void AnswerClient(Timestamp now, in RpcIncoming request, in NodeId target, in UdpEndPoint client, byte[] value)
    {
        if (!_flows.TryGet(now, new(request.Command, request.Tid, target, client), out _))
        {
            Refused++;
            return;
        }
        Forwarded++;
        engine.Reply(now, request, new(value, WithToken: false, WithCloserNodes: false, To: client));
    }

    /// <summary>A destination nobody vouches for must be one that can be someone's; a private one only for a sender in such a range.</summary>
    private bool MayForward(Timestamp now, in UdpEndPoint from, UdpEndPoint? named)
    {
        bool allowed = from.IsIPv4 && (named is not { } to || IsPossible(to, from)) && _sources.TryTake(now, from.WithPort(0))
            && (named is not { } destination || _destinations.TryTake(now, destination));
        if (!allowed) Refused++;
        return allowed;
    }

    private static bool IsPossible(in UdpEndPoint to, in UdpEndPoint from) =>
        to.IsIPv4 && to.Port != 0 && !AddressRanges.IsReserved(to) && (!AddressRanges.IsPrivate(to) || AddressRanges.IsPrivate(from));
}

/// <summary>How a handshake reached our server.</summary>
/// <param name="Mode">The leg it came on.</param>
/// <param name="PeerAddress">The client as the relay saw it; null if it came directly.</param>
/// <param name="RelayAddress">The first of two relays.</param>
internal readonly record struct HandshakeWay(RoutingMode Mode, UdpEndPoint? PeerAddress, UdpEndPoint? RelayAddress);
