using PeopleSwarm.Dht.HolePunch;
using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Dht.Rpc;

namespace PeopleSwarm.Dht.Connect;

/// <summary>From the server's answer to a path (spec hyperdht, 9.3, steps 6 to 11).</summary>
internal sealed partial class ConnectMachine
{
    private ClientPunch? _punch;
    private PunchFailure _punchFailure;
    private bool _isTryingLocal;

    private void ChoosePath(Timestamp now, ConnectServer server)
    {
        State = ConnectState.Waiting;
        StopSearching(now);
        foreach (var call in _calls.ToArray()) call.Cancel(now);
        _calls.Clear();

        if (_heardEarly is { } early) OnPath(early);
        else if (!server.IsRelayed) Complete(now, new(server.Relay, server.Socket), PeerPath.Direct, isHeard: false);
        else if (server.Payload.Firewall == PeerFirewallState.Open || !server.IsHolepunchable) DialOpenServer(now, server);
        else if (_isOpen) WaitForServer(now);
        else PunchBesideLocalNetwork(now, server);
    }

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
        _punchFailure = new(PeerConnectError.HolepunchAborted, "No socket could be opened for hole punching.");
        _punch = ClientPunch.TryStart(now, _context, _target, server, connected: (at, source) =>
        {
            if (State == ConnectState.Waiting) Complete(at, source, PeerPath.Punched, isHeard: false);
        }, failed: (at, failure) =>
        {
            Log($"punching: {failure.Message}");
            (_punch, _punchFailure) = (null, failure);
            FailIfNoPathIsLeft(at);
        }, Log);
        _context.DeadlinesChanged = true;
        FailIfNoPathIsLeft(now);
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
            if (State != ConnectState.Waiting) return;
            if (outcome.Response is not null)
            {
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
        if (State == ConnectState.Waiting && !_isTryingLocal && _punch is null) Fail(now, _punchFailure.Error, _punchFailure.Message);
    }
}
