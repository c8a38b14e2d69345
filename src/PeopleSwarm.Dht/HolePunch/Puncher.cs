using PeopleSwarm.Dht.Messages;

namespace PeopleSwarm.Dht.HolePunch;

/// <summary>One side of one attempt to punch: its sockets, what is known of the peer, and the schedule of its probes.</summary>
/// <remarks>Spec: hyperdht, 9.5 to 9.7. The initiator is connected by a probe that arrives; the other side only answers each.</remarks>
internal sealed class Puncher
{
    private const byte OpeningTtl = 5; // opens our own NAT and dies before the peer's
    private const byte NormalTtl = 64;
    private const int ConsistentRounds = 10, RandomProbes = 1750, BirthdaySockets = 256, SocketsPerStep = 16;
    private const int QuickProbes = 1024, QuickBurst = 4; // with the peer's 256 ports, 98 of 100 attempts need no more
    private const int FirstRandomPort = 1000;
    private const int MaxUnconfirmed = 16; // strangers' probes among them
    private const int MaxRemoteAddresses = 16; // peers list a few
    private static readonly TimeSpan s_consistentInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_randomInterval = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan s_quickInterval = TimeSpan.FromMilliseconds(4); // for a burst: 1,000 probes, 29 kB, a second
    private static readonly TimeSpan s_afterOpening = TimeSpan.FromMilliseconds(100);

    private readonly PunchMachine _machine;
    private readonly IRandomSource _random;
    private readonly List<SocketId> _sockets = [];
    private readonly HashSet<DatagramSource> _unconfirmed = [];
    private PunchStrategy _strategy;
    private bool _isOpeningSockets;
    private int _step, _cursor, _cycle;

    public Puncher(PunchMachine machine, IRandomSource random, bool isInitiator) => (_machine, _random, IsInitiator) = (machine, random, isInitiator);

    public bool IsInitiator { get; }

    /// <summary>The socket of the rounds: samples, messages and probes leave through it.</summary>
    public SocketId Socket => _sockets[0];

    public NatClassifier Nat { get; private set; } = new(isFirewalled: true);

    public PeerFirewallState RemoteFirewall { get; private set; }
    public IReadOnlyList<RemoteAddress> RemoteAddresses { get; private set; } = [];
    public bool IsRemotePunching { get; private set; }
    public bool IsPunching { get; private set; }
    public bool IsConnected { get; private set; }
    public bool IsOver { get; private set; }

    /// <summary>Whether this attempt sprays and so counts against the node's limit of random punches.</summary>
    public bool IsRandomized => _strategy is PunchStrategy.RandomPorts or PunchStrategy.BirthdaySockets;

    /// <summary>Whether the NATs are such that only spraying can help.</summary>
    public bool NeedsSpraying => RemoteFirewall >= PeerFirewallState.Random || Nat.Firewall >= PeerFirewallState.Random;

    /// <summary>Whether nothing can be planned with what is known of both NATs.</summary>
    public bool IsUnstable => Nat.Firewall == PeerFirewallState.Unknown
        || (RemoteFirewall >= PeerFirewallState.Random && Nat.Firewall >= PeerFirewallState.Random);

    public Timestamp? NextTimeout { get; private set; }

    /// <summary>A probe arrived: the path and the socket to use. Initiator only, once.</summary>
    public Action<Timestamp, DatagramSource>? Connected { get; set; }

    /// <summary>The schedule ran out. Once, and never after <see cref="Connected"/>.</summary>
    public Action<Timestamp>? Exhausted { get; set; }

    public bool TryOpenFirst() => TryOpen();

    /// <summary>Begins to judge the NAT of the current socket anew.</summary>
    public void ResetNat(bool isFirewalled) => Nat = new(isFirewalled);

    /// <summary>Whether a punch of this node may spray ports now.</summary>
    public bool MaySpray(Timestamp now) => _machine.MaySpray(now);

    /// <summary>Whether the socket is one of this attempt.</summary>
    public bool Owns(SocketId socket) => _sockets.Contains(socket);

    /// <summary>Takes a fresh socket for the rounds, because the NAT of the old one was no good.</summary>
    public bool TryReopen()
    {
        if (!TryOpen()) return false;
        _machine.Release(_sockets[0], keepOpen: false);
        _sockets[0] = _sockets[^1];
        _sockets.RemoveAt(_sockets.Count - 1);
        return true;
    }

    /// <summary>What the peer said of itself in a round; <paramref name="verifiedHost"/> is proved by the token that came back.</summary>
    public void UpdateRemote(HolepunchPayload payload, UdpEndPoint? verifiedHost)
    {
        var known = RemoteAddresses;
        RemoteAddresses = [.. (payload.Addresses ?? []).Take(MaxRemoteAddresses).Select(a => new RemoteAddress(a,
            verifiedHost is { } host && host.HasSameAddress(a) || known.Any(k => k.IsVerified && k.Address.HasSameAddress(a))))];
        RemoteFirewall = payload.Firewall;
        IsRemotePunching = payload.IsPunching;
    }

    /// <summary>One probe that should reach the peer.</summary>
    public void Ping(in UdpEndPoint to) => _machine.Send(Socket, to, NormalTtl);

    /// <summary>One probe that opens our NAT towards the peer without reaching it.</summary>
    public void OpenSession(in UdpEndPoint to) => _machine.Send(Socket, to, OpeningTtl);

    /// <summary>Starts the schedule that fits both NATs; false if none does.</summary>
    public bool TryPunch(Timestamp now)
    {
        if (IsOver || IsConnected) return false;
        if (IsPunching) return true;
        _strategy = PunchPlan.Choose(Nat.Firewall, RemoteFirewall, RemoteAddresses);
        if (_strategy == PunchStrategy.Impossible) return false;
        if (IsRandomized && !_machine.MaySpray(now))
        {
            _strategy = PunchStrategy.Impossible;
            return false;
        }
        IsPunching = true;
        if (IsRandomized) _machine.OnSpray(now, begins: true);
        _isOpeningSockets = _strategy == PunchStrategy.BirthdaySockets;
        // The other side's fast-mode probe has just left, so its schedule begins a second later.
        bool waits = _strategy == PunchStrategy.Consistent && !IsInitiator;
        NextTimeout = waits ? now + s_consistentInterval : now;
        return true;
    }

    public void HandleTimeout(Timestamp now)
    {
        if (!IsPunching || NextTimeout is not { } due || due > now) return;
        bool more = _strategy switch
        {
            PunchStrategy.Consistent => StepConsistent(now),
            PunchStrategy.RandomPorts => StepRandomPorts(now),
            _ => StepBirthday(now),
        };
        if (more) return;
        Stop(now, keep: null);
        Exhausted?.Invoke(now);
    }

    public void OnProbe(Timestamp now, in DatagramSource source)
    {
        if (IsOver) return;
        if (!IsInitiator)
        {
            _machine.Send(source.Socket, source.From, NormalTtl);
            return;
        }
        if (IsConnected) return;
        if (MayLeadElsewhere(source.Socket) && !_unconfirmed.Contains(source))
        {
            if (_unconfirmed.Count >= MaxUnconfirmed) return;
            _unconfirmed.Add(source);
            _machine.Send(source.Socket, source.From, NormalTtl);
            return;
        }
        IsConnected = true;
        Stop(now, keep: source.Socket);
        Connected?.Invoke(now, source);
    }

    /// <summary>
    /// The peer may have come in by a port that our NAT keeps for a relay, and what we send leaves by another: only an answer to it is a proof.
    /// The other sockets never wrote to anybody but the peer.
    /// </summary>
    private bool MayLeadElsewhere(SocketId socket) => socket == Socket && Nat.Firewall is not (PeerFirewallState.Consistent or PeerFirewallState.Open);

    /// <summary>Ends the attempt. A socket that a stream uses by now is kept open.</summary>
    public void Stop(Timestamp now, SocketId? keep)
    {
        if (IsOver) return;
        if (IsPunching && IsRandomized) _machine.OnSpray(now, begins: false);
        (IsOver, IsPunching, NextTimeout) = (true, false, null);
        foreach (var socket in _sockets) _machine.Release(socket, keepOpen: socket == keep);
        _machine.Remove(this);
    }

    private bool StepConsistent(Timestamp now)
    {
        if (_step++ >= ConsistentRounds) return false;
        foreach (var remote in RemoteAddresses)
            if (remote.IsVerified || _step % 4 == 0) Ping(remote.Address);
        NextTimeout = now + s_consistentInterval;
        return true;
    }

    private bool StepRandomPorts(Timestamp now)
    {
        if (_step >= RandomProbes || PunchPlan.Verified(RemoteAddresses) is not { } host) return false;
        // Routers hold each probe's mapping for half a minute, so slow ones from the start would fill their tables just as much.
        bool isQuick = _step < QuickProbes;
        for (int i = isQuick ? QuickBurst : 1; i > 0; i--, _step++)
            Ping(host.WithPort((ushort)(FirstRandomPort + _random.Next(65536 - FirstRandomPort))));
        NextTimeout = now + (isQuick ? s_quickInterval : s_randomInterval);
        return true;
    }

    private bool StepBirthday(Timestamp now)
    {
        if (PunchPlan.Verified(RemoteAddresses) is not { } remote) return false;
        if (_isOpeningSockets)
        {
            for (int i = 0; i < SocketsPerStep && _isOpeningSockets; i++)
            {
                _isOpeningSockets = _sockets.Count < BirthdaySockets && TryOpen();
                if (_isOpeningSockets) _machine.Send(_sockets[^1], remote, OpeningTtl);
            }
            NextTimeout = _isOpeningSockets ? now : now + s_afterOpening;
            if (!_isOpeningSockets) Ping(remote); // a peer whose NAT lets us in need not guess
            return true;
        }
        if (_step++ >= RandomProbes) return false;
        if (_cursor == _sockets.Count) (_cursor, _cycle) = (0, _cycle + 1);
        _machine.Send(_sockets[_cursor++], remote, _cycle == 0 ? OpeningTtl : NormalTtl);
        NextTimeout = now + s_randomInterval;
        return true;
    }

    private bool TryOpen()
    {
        if (_machine.Open(this) is not { } socket) return false;
        _sockets.Add(socket);
        return true;
    }
}
