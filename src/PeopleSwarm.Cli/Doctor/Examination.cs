using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace PeopleSwarm.Cli.Doctor;

/// <summary>Looks at the network around a node, from the inside out.</summary>
internal sealed class Examination(Layers layers, IReport report, TimeSpan watch)
{
    private const int Witnesses = 8, Ping = 0, IpAndUdpHeader = 28, RequestHeader = 14;
    private const int MaxRelays = 8;
    private static readonly TimeSpan s_relayLimit = TimeSpan.FromSeconds(5);
    private static readonly int[] s_packetSizes = [1280, 1400, 1472, 1492, 1500]; // of IP: the least IPv6 allows, common tunnels, PPPoE, Ethernet

    private readonly IDhtNode _node = layers.Dht;

    /// <summary>Runs the checks; whether nothing bad was found.</summary>
    public async Task<bool> RunAsync(PublicKey? key, CancellationToken cancellation)
    {
        bool isGood = true;
        void Tell(Finding finding)
        {
            isGood &= finding.Verdict != Verdict.Bad;
            report.Add(finding);
        }
        var own = layers.Interfaces.Addresses;
        Tell(Addresses("ipv4", own, AddressFamily.InterNetwork));
        Tell(Addresses("ipv6", own, AddressFamily.InterNetworkV6));
        long started = Stopwatch.GetTimestamp();
        await _node.WhenBootstrappedAsync(cancellation);
        var witnesses = await FindWitnessesAsync(cancellation);
        Tell(witnesses.Count > 0
            ? new("udp", Verdict.Good, "passes", $"passes: {Plural.Nodes(witnesses.Count)} near a random key answered, {_node.Status.KnownNodes} known",
                Stopwatch.GetElapsedTime(started))
            : new("udp", Verdict.Bad, "blocked", "no node answers: UDP is blocked, or the DHT is down"));
        if (witnesses.Count == 0) return false;

        var view = await LookAsync(witnesses, own, cancellation);
        Tell(view.Judge());
        Tell(await MeasurePacketsAsync(witnesses, cancellation));
        Tell(await FindRelaysAsync(cancellation));
        if (key is { } dialled) Tell(await ConnectAsync(dialled, cancellation));
        await Task.Delay(watch, cancellation);
        Tell((await LookAsync(witnesses, own, cancellation)).Compare(view, watch));
        return isGood;
    }

    private static Finding Addresses(string check, IReadOnlyList<InterfaceAddress> all, AddressFamily family)
    {
        string[] addresses = [.. all.Where(a => !a.IsInternal && a.Family == family).Select(a => $"{a.Address.ToIPAddress()} ({a.Name})")];
        bool isIPv4 = family == AddressFamily.InterNetwork;
        if (addresses.Length > 0) return new(check, Verdict.Good, "present", string.Join(", ", addresses));
        return new(check, Verdict.Note, "absent", isIPv4 ? "no address but loopback" : "no address; the DHT does not need one");
    }

    private async Task<IReadOnlyList<UdpEndPoint>> FindWitnessesAsync(CancellationToken cancellation)
    {
        if (_node.Statistics.Responses == 0) return [];
        await using var query = _node.FindNode(new(RandomNumberGenerator.GetBytes(NodeId.Size)));
        var nodes = (await query.FinishAsync(cancellation)).ClosestNodes;
        return [.. nodes.OrderBy(node => nodes.Count(other => other.HasSameAddress(node))).Take(Witnesses)];
    }

    private async Task<NatView> LookAsync(IReadOnlyList<UdpEndPoint> witnesses, IReadOnlyList<InterfaceAddress> own, CancellationToken cancellation)
    {
        var seen = new ConcurrentDictionary<UdpEndPoint, UdpEndPoint>();
        await Task.WhenAll(witnesses.Select(async witness =>
        {
            if (await TryAskAsync(new(Ping, IsInternal: true), witness, cancellation) is { } response) seen[witness] = response.To;
        }));
        return new(seen, _node.Status.PublicEndPoint, [.. own.Select(a => a.Address)]);
    }

    private async Task<Finding> MeasurePacketsAsync(IReadOnlyList<UdpEndPoint> witnesses, CancellationToken cancellation)
    {
        var passed = await Task.WhenAll(s_packetSizes.Select(async size =>
        {
            var padding = new byte[size - IpAndUdpHeader - RequestHeader];
            var answers = await Task.WhenAll(witnesses.Take(3).Select(w => TryAskAsync(new(Ping, Value: padding, IsInternal: true), w, cancellation)));
            return answers.Any(answer => answer is not null) ? size : 0;
        }));
        int largest = passed.Max();
        return largest switch
        {
            0 => new("mtu", Verdict.Bad, "below 1280", $"not even packets of {s_packetSizes[0]} bytes arrive"),
            _ when largest == s_packetSizes[^1] => new("mtu", Verdict.Good, $"{largest}", $"packets of {largest} bytes arrive"),
            _ => new("mtu", Verdict.Note, $"{largest}", $"packets of {largest} bytes arrive, larger ones do not; streams find that out by themselves"),
        };
    }

    /// <summary>Relays that announce themselves, the nearest first: each is dialled as one in need of it would.</summary>
    private async Task<Finding> FindRelaysAsync(CancellationToken cancellation)
    {
        long started = Stopwatch.GetTimestamp();
        var announced = new Dictionary<PublicKey, PeerRecord>();
        try
        {
            await foreach (var reply in _node.Lookup(Topic.FromText(RelayOptions.TopicText)).WithCancellation(cancellation))
                foreach (var peer in reply.Peers) announced.TryAdd(peer.PublicKey, peer);
        }
        catch (DhtException)
        {
            return new("relays", Verdict.Note, "unknown", "not known: the look-up failed");
        }
        if (announced.Count == 0) return new("relays", Verdict.Note, "0", "none announces itself; 'peopleswarm relay' runs one");
        var trips = await Task.WhenAll(announced.Values.Take(MaxRelays).Select(relay => MeasureAsync(relay, cancellation)));
        string[] nearest = [.. trips.Where(t => t.RoundTrip is not null).OrderBy(t => t.RoundTrip)
            .Select(t => $"{t.Relay} {t.RoundTrip!.Value.TotalMilliseconds:F2} ms")];
        return nearest.Length == 0
            ? new("relays", Verdict.Note, "0", $"none of {trips.Length} answers", Stopwatch.GetElapsedTime(started))
            : new("relays", Verdict.Good, $"{nearest.Length}", $"{nearest.Length} of {announced.Count} announced, nearest first: {string.Join(", ", nearest)}",
                Stopwatch.GetElapsedTime(started));
    }

    private async Task<(PublicKey Relay, TimeSpan? RoundTrip)> MeasureAsync(PeerRecord relay, CancellationToken cancellation)
    {
        try
        {
            var options = new PeerConnectOptions { RelayAddresses = relay.RelayAddresses, Timeout = s_relayLimit };
            await using var connection = await _node.ConnectAsync(relay.PublicKey, options, cancellation);
            var roundTrip = await RoundTripAsync(connection, cancellation);
            connection.Abort();
            return (relay.PublicKey, roundTrip);
        }
        catch (Exception e) when (e is PeerConnectException or IOException or TimeoutException) // that, too, is a result
        {
            return (relay.PublicKey, null);
        }
    }

    /// <summary>A connection is open with the peer's first packet; how far away it is shows with the first acknowledgement.</summary>
    private static async Task<TimeSpan> RoundTripAsync(IPeerConnection connection, CancellationToken cancellation)
    {
        await connection.FlushAcknowledgedAsync(cancellation).AsTask().WaitAsync(s_relayLimit, cancellation);
        return connection.RoundTripTime;
    }

    private async Task<Finding> ConnectAsync(PublicKey key, CancellationToken cancellation)
    {
        long started = Stopwatch.GetTimestamp();
        try
        {
            await using var query = _node.FindPeer(key);
            HashSet<UdpEndPoint> knowing = [], relays = [];
            await foreach (var reply in query.WithCancellation(cancellation))
            {
                knowing.Add(reply.Response.From);
                relays.UnionWith(reply.Peer.RelayAddresses);
            }
            report.Add(new Finding("peer", knowing.Count > 0 ? Verdict.Good : Verdict.Note, $"{knowing.Count}",
                $"{key} is listed on {Plural.Nodes(knowing.Count)}{(relays.Count > 0 ? $"; it names {string.Join(", ", relays)}" : "")}", Stopwatch.GetElapsedTime(started)));
            started = Stopwatch.GetTimestamp();
            await using var connection = await _node.ConnectAsync(key, new() { Progress = new Steps(report) }, cancellation);
            var took = Stopwatch.GetElapsedTime(started);
            var roundTrip = await RoundTripAsync(connection, cancellation);
            string text = $"connected, {connection.Path} to {connection.RemoteEndPoint}, round trip {roundTrip.TotalMilliseconds:F2} ms";
            connection.Abort();
            return new("connect", Verdict.Good, $"{connection.Path}", text, took);
        }
        catch (PeerConnectException e)
        {
            string text = Trouble.From(e) is { NextStep: { } next } trouble ? $"{trouble.Message} {next}" : e.Message;
            return new("connect", Verdict.Bad, $"{e.Error}", text, Stopwatch.GetElapsedTime(started));
        }
        catch (Exception e) when (e is IOException or TimeoutException)
        {
            return new("connect", Verdict.Bad, "Lost", $"connected, and then the peer was gone: {e.Message}", Stopwatch.GetElapsedTime(started));
        }
        catch (ArgumentException)
        {
            return new("connect", Verdict.Bad, "NoKey", $"{key} cannot be a public key");
        }
    }

    private async Task<DhtResponse?> TryAskAsync(DhtRequest request, UdpEndPoint node, CancellationToken cancellation)
    {
        try
        {
            return await _node.RequestAsync(request, node, new() { Retries = 2 }, cancellation);
        }
        catch (DhtException) // silence is a result here
        {
            return null;
        }
    }

    private sealed class Steps(IReport report) : IProgress<PeerConnectStep>
    {
        public void Report(PeerConnectStep value) => report.Add(value);
    }
}
