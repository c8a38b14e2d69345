using PeopleSwarm.Dht.HolePunch;
using PeopleSwarm.Dht.Messages;

namespace PeopleSwarm.Dht.Connect;

/// <summary>From the server's answer to a path (spec hyperdht, 9.3, steps 6 to 11).</summary>
internal sealed partial class ConnectMachine
{
    private ClientPunch? _punch;
    private RelayedStream? _relay;
    private PunchFailure _punchFailure;
    private UpgradeSchedule? _upgrades;
    private Timestamp? _upgradeDue;
    private long _round;
    private bool _isTryingLocal;
    private string? _relayFailure;

    private void ChoosePath(Timestamp now, ConnectServer server)
    {
        State = ConnectState.Waiting;
        StopSearching(now);
        foreach (var call in _calls.ToArray()) call.Cancel(now);
        _calls.Clear();

        if (_heardEarly is { } early) OnPath(early);
        else if (!server.IsRelayed) Complete(now, new(server.Relay, server.Socket), PathOfDirectAnswer(server), isHeard: false);
        else if (server.Payload.Firewall == PeerFirewallState.Open) DialOpenServer(now, server);
        else if (_isOpen && server.IsHolepunchable) WaitForServer(now);
        else
        {
            StartRelay(server);
            if (server.IsHolepunchable) PunchBesideLocalNetwork(now, server);
            else if (_relay is null) DialOpenServer(now, server);
        }
    }

    private PeerPath PathOfDirectAnswer(ConnectServer server) =>
        _route is { } route && route.To == new DatagramSource(server.Relay, server.Socket) ? route.Path : PeerPath.Direct;

    private void DialOpenServer(Timestamp now, ConnectServer server)
    {
        var address = server.ServerAddress;
        foreach (var listed in server.Payload.Addresses4)
        {
            if (listed.Port == 0 || AddressRanges.IsBogon(listed)) continue;
            address = listed;
            break;
        }
        if (PeerContext.IsDialable(address)) Complete(now, new(address, _context.Engine.DefaultSocket), PeerPath.Direct, isHeard: false);
        else Fail(now, PeerConnectError.CannotHolepunch, "The peer offers no way to punch and no address that can be dialled.");
    }

    /// <summary>We said that we are open: the server dials.</summary>
    private void WaitForServer(Timestamp now)
    {
        Log("waiting for the peer to dial us");
        _passiveUntil = now + _context.Options.PassiveWait;
        _context.DeadlinesChanged = true;
    }

    /// <summary>The first of both that finds a path wins; a local network that does not answer must not cost time.</summary>
    private void PunchBesideLocalNetwork(Timestamp now, ConnectServer server)
    {
        TryLocalNetwork(now, server);
        StartPunching(now, server);
        FailIfNoPathIsLeft(now);
    }

    private void StartPunching(Timestamp now, ConnectServer server)
    {
        _punchFailure = new(PeerConnectError.HolepunchAborted, "No socket could be opened for hole punching.");
        if (!_options.Holepunch)
        {
            _punchFailure = new(PeerConnectError.HolepunchAborted, "Hole punching is turned off.");
            return;
        }
        ClientPunch? punch = null;
        _punch = punch = ClientPunch.TryStart(now, _context, _target, server, connected: (at, source) =>
        {
            if (State is ConnectState.Waiting or ConnectState.Upgrading) Complete(at, source, PeerPath.Punched, isHeard: false);
        }, failed: (at, failure) =>
        {
            Log($"punching: {failure.Message}");
            (_punch, _punchFailure, _round) = (null, failure, punch?.Round ?? _round);
            FailIfNoPathIsLeft(at);
        }, Log, _round, comesBack: _relay is not null);
        _context.DeadlinesChanged = true;
    }

    /// <summary>Both behind one public address: asks the server at its local one, and goes there from our server socket if it answers.</summary>
    private void TryLocalNetwork(Timestamp now, ConnectServer server)
    {
        if (!_options.LocalConnection || !server.ClientAddress.HasSameAddress(server.ServerAddress)) return;
        var candidates = server.Payload.Addresses4.Where(a => PeerContext.IsDialable(a)).ToArray();
        if (candidates.Length == 0) return;
        _isTryingLocal = true;
        var address = AddressRanges.Match(_context.LocalAddresses(), candidates) ?? candidates[0];
        Request(now, new(address, PeerCommand.InternalPing, IsInternal: true), (at, outcome) =>
        {
            if (State is not (ConnectState.Waiting or ConnectState.Upgrading)) return;
            if (outcome.Response is not null)
            {
                if (_relay is { IsInUse: true } relayed)
                {
                    relayed.Probe(_context.Engine.ServerSocket, address); // somebody is there; the stream moves if it is the peer
                    _isTryingLocal = false;
                    FailIfNoPathIsLeft(at);
                    return;
                }
                Complete(at, new(address, _context.Engine.ServerSocket), PeerPath.Lan, isHeard: false);
                return;
            }
            Log($"local address {address}: no answer");
            _isTryingLocal = false;
            FailIfNoPathIsLeft(at);
        });
    }

    private void FailIfNoPathIsLeft(Timestamp now)
    {
        if (_isTryingLocal || _punch is not null || _relay is { IsPending: true }) return;
        if (State == ConnectState.Waiting && _relayFailure is { } reason)
            Fail(now, PeerConnectError.RelayAborted, $"The relay did not pair us with the peer ({reason}), and no direct path was found: {_punchFailure.Message}");
        else if (State == ConnectState.Waiting) Fail(now, _punchFailure.Error, _punchFailure.Message);
        else if (State == ConnectState.Upgrading) UpgradeLater(now);
    }

    /// <summary>Nothing direct came of it; where that may change, it is tried again after a pause.</summary>
    private void UpgradeLater(Timestamp now)
    {
        _upgrades ??= new(_context.Options.UpgradeTries, _context.Random);
        if (!_punchFailure.MayPass || _relay!.IsLost || _upgrades.Next() is not { } pause)
        {
            StayRelayed(now);
            return;
        }
        Log($"relayed; punching again in {pause.TotalSeconds:0} s");
        _upgradeDue = now + pause;
        _context.DeadlinesChanged = true;
    }

    private void OnUpgradeDue(Timestamp now)
    {
        _upgradeDue = null;
        StartPunching(now, _server!);
        FailIfNoPathIsLeft(now);
    }

    private void StayRelayed(Timestamp now)
    {
        End(now);
        _relay!.FailIfLost();
    }

    /// <summary>The relay forwards no longer: a punch under way goes on, and one that waits begins.</summary>
    private void OnRelayLost(Timestamp now)
    {
        Log("relay: the connection to it was lost");
        if (State == ConnectState.Over) _relay!.FailIfLost();
        else if (_upgradeDue is not null) OnUpgradeDue(now);
    }

    internal RelayedStream? Relay => _relay;

    /// <summary>Through the server's relay if it names one, else through ours; beside everything else.</summary>
    private void StartRelay(ConnectServer server)
    {
        if ((server.Payload.RelayThrough ?? _ownRelay) is not { } relay) return;
        Log($"relay {relay.PublicKey}: asked to pair us");
        _relay = RelayedStream.TryStart(_context, relay, isInitiator: server.Payload.RelayThrough is null, _stream, server.Payload.Udx!.Id, (at, failure) =>
        {
            if (failure is null) HandOverRelayed(at, server);
            else OnRelayFailed(at, server, failure);
        }, OnRelayLost);
    }

    private void HandOverRelayed(Timestamp now, ConnectServer server)
    {
        if (State != ConnectState.Waiting) return;
        State = ConnectState.Upgrading;
        _context.DeadlinesChanged = true;
        RememberWay(server, server.Relay);
        Log("connected through the relay");
        _done(now, new(new(_stream, server.Keys, _remote, PeerPath.Relayed, _unordered, IsHeard: false) { Log = _log, Paths = _relay!.Path }, null));
        if (!server.IsHolepunchable && PeerContext.IsDialable(server.ServerAddress)) _relay.Probe(_context.Engine.DefaultSocket, server.ServerAddress);
        FailIfNoPathIsLeft(now);
    }

    private void OnRelayFailed(Timestamp now, ConnectServer server, string reason)
    {
        Log($"relay: {reason}");
        (_relay, _relayFailure) = (null, reason);
        if (State != ConnectState.Waiting) return;
        if (!server.IsHolepunchable)
        {
            DialOpenServer(now, server);
            return;
        }
        FailIfNoPathIsLeft(now);
    }

    /// <summary>A direct path is there: the stream leaves the relay.</summary>
    private void Upgrade(Timestamp now, in DatagramSource to, PeerPath path)
    {
        if (_stream.Closed.IsCompleted)
        {
            End(now);
            return;
        }
        _relay!.Move(to, path);
        if (State == ConnectState.Over) _paths.Release(null, _relay, _server?.ServerAddress); // it stayed relayed until now
        End(now, to.Socket);
        _context.HandOver(_remote, _stream, path, IsReusable(_server!));
    }
}
