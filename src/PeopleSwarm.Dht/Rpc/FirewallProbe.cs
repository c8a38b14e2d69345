using System.Buffers.Binary;
using PeopleSwarm.Dht.Kademlia;
using PeopleSwarm.Dht.Nat;

namespace PeopleSwarm.Dht.Rpc;

/// <summary>Finds out whether strangers reach our server socket: others are asked to answer there (spec dht-rpc, 16.1).</summary>
internal sealed class FirewallProbe(RequestTable requests, LocalIdentity identity, NodeAges nodes, Bootstrapper bootstrapper)
{
    private const int Asked = 5, NeededOfAll = 3, NeededOfFewer = 1;

    private readonly List<UdpEndPoint> _targets = [];
    private readonly NatSampler _sampler = new();
    private int _pending, _arrived;
    private Action<Timestamp, NatSampler?>? _done;

    /// <summary>A request to answer to our server socket.</summary>
    public static RpcCallRequest PingNat(UdpEndPoint to, ushort serverPort)
    {
        var value = new byte[2];
        BinaryPrimitives.WriteUInt16LittleEndian(value, serverPort);
        return new(to, RpcCommands.PingNat, Value: value, IsInternal: true);
    }

    /// <summary>Runs it; <paramref name="done"/> gets the samples taken on the server socket, or null if we are firewalled.</summary>
    public void Start(Timestamp now, Action<Timestamp, NatSampler?> done)
    {
        _done = done;
        for (var node = nodes.Newest; node is not null && _targets.Count < Asked; node = node.Older) _targets.Add(node.EndPoint);
        if (_targets.Count >= Asked)
        {
            Ask(now);
            return;
        }
        bootstrapper.Resolve(now, (_, address) =>
        {
            if (!_targets.Contains(address)) _targets.Add(address);
        }, Ask);
    }

    private void Ask(Timestamp now)
    {
        _pending = _targets.Count;
        if (_pending == 0) _done!(now, null);
        foreach (var target in _targets) requests.Send(now, PingNat(target, identity.Sockets.ServerPort), OnOutcome);
    }

    private void OnOutcome(Timestamp now, RpcOutcome outcome)
    {
        // The address the answer names only echoes the port we asked for; the proof is that it came to the server socket.
        if (outcome.Response is { } answer && answer.Socket == identity.Sockets.Server)
        {
            _arrived++;
            _sampler.Add(answer.To);
        }
        if (--_pending == 0) _done!(now, IsOpen ? _sampler : null);
    }

    private bool IsOpen =>
        _arrived >= (_targets.Count >= Asked ? NeededOfAll : NeededOfFewer)
        && _sampler.Result is { } seen && seen.Port == identity.Sockets.ServerPort
        && identity.Nat.Result is { } main && main.HasSameAddress(seen);
}
