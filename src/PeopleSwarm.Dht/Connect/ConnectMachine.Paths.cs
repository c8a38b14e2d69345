using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Dht.Rpc;

namespace PeopleSwarm.Dht.Connect;

/// <summary>From the server's answer to a path (spec hyperdht, 9.3, steps 6 to 10).</summary>
internal sealed partial class ConnectMachine
{
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
        else if (!TryLocalNetwork(now, server)) FailForPunching(now);
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

    /// <summary>Both behind one public address: asks the server at its local one, and goes there from our server socket if it answers.</summary>
    private bool TryLocalNetwork(Timestamp now, ConnectServer server)
    {
        if (!_options.LocalConnection || !server.ClientAddress.HasSameAddress(server.ServerAddress)) return false;
        var candidates = server.Payload.Addresses4.Where(a => PeerContext.IsDialable(a)).ToArray();
        if (candidates.Length == 0) return false;
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
            FailForPunching(at);
        });
        return true;
    }

    private void FailForPunching(Timestamp now) =>
        Fail(now, PeerConnectError.HolepunchAborted, "Only hole punching could reach the peer, and this node does not punch.");
}
