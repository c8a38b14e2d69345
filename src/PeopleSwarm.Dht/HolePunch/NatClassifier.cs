using PeopleSwarm.Dht.Messages;

namespace PeopleSwarm.Dht.HolePunch;

/// <summary>Judges the NAT in front of one punch socket from what several nodes see of it (spec hyperdht, 9.1).</summary>
internal sealed class NatClassifier(bool isFirewalled)
{
    /// <summary>Samples wanted before the judgement counts.</summary>
    public const int SamplesWanted = 4;

    private const int MaxReferrers = 64;

    private readonly HashSet<UdpEndPoint> _referrers = [];
    private readonly List<Sample> _hosts = [], _addresses = [];

    /// <summary>Samples taken, one for each node that saw us.</summary>
    public int Count { get; private set; }

    public PeerFirewallState Firewall { get; private set; } = isFirewalled ? PeerFirewallState.Unknown : PeerFirewallState.Open;

    /// <summary>What the peer is told of us; null while unknown.</summary>
    public IReadOnlyList<UdpEndPoint>? Addresses { get; private set; }

    /// <summary>Once the peer was told, the view stays as it is.</summary>
    public bool IsFrozen { get; set; }

    /// <summary>Whether further samples would not change what we do.</summary>
    public bool IsDecided => Firewall is PeerFirewallState.Open or PeerFirewallState.Consistent || Count >= SamplesWanted;

    /// <summary>Whether <paramref name="address"/> is one of ours as others see it.</summary>
    public bool IsOurs(in UdpEndPoint address)
    {
        foreach (var sample in _addresses)
            if (sample.Address == address) return true;
        return false;
    }

    /// <summary>Takes how <paramref name="referrer"/> sees us; a second sample of the same referrer is ignored.</summary>
    public void Add(in UdpEndPoint seen, in UdpEndPoint referrer)
    {
        if (_referrers.Count >= MaxReferrers || !_referrers.Add(referrer)) return;
        AddTo(_hosts, seen.WithPort(0));
        AddTo(_addresses, seen);
        Count++;
        if (IsFrozen) return;
        Firewall = Judge();
        Addresses = Firewall switch
        {
            PeerFirewallState.Random => [_hosts[0].Address],
            PeerFirewallState.Consistent => Trusted(),
            PeerFirewallState.Open => Trusted(), // an open node behind an unknown address is dialled only if it says where (pitfall S4)
            _ => null,
        };
    }

    private PeerFirewallState Judge()
    {
        if (!isFirewalled) return PeerFirewallState.Open;
        if (Count < 3) return Firewall;
        int best = _addresses[0].Hits;
        if (best >= 3) return PeerFirewallState.Consistent;
        if (best == 1) return PeerFirewallState.Random;
        if (_hosts.Count == 1 && Count > 3) return PeerFirewallState.Random;
        if (_hosts.Count > 1 && _addresses[1].Hits > 1) return PeerFirewallState.Consistent;
        return Count > SamplesWanted ? PeerFirewallState.Random : Firewall;
    }

    private List<UdpEndPoint> Trusted()
    {
        var list = new List<UdpEndPoint>();
        foreach (var sample in _addresses)
            if (sample.Hits >= 2 || list.Count < 2) list.Add(sample.Address);
        return list;
    }

    /// <summary>Keeps the list sorted by hits; among equals the one that got there first stays ahead.</summary>
    private static void AddTo(List<Sample> samples, UdpEndPoint address)
    {
        int i = samples.FindIndex(s => s.Address == address);
        if (i < 0)
        {
            samples.Add(new(address, 1));
            return;
        }
        var sample = samples[i] with { Hits = samples[i].Hits + 1 };
        for (; i > 0 && samples[i - 1].Hits < sample.Hits; i--) samples[i] = samples[i - 1];
        samples[i] = sample;
    }

    private readonly record struct Sample(UdpEndPoint Address, int Hits);
}
