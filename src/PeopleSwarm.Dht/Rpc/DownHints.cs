using PeopleSwarm.Dht.Messages;

namespace PeopleSwarm.Dht.Rpc;

/// <summary>Tells nodes that others they named are down; a limited number each tick.</summary>
internal sealed class DownHints(RequestTable requests, int perTick)
{
    private int _sent;

    public void Send(Timestamp now, in UdpEndPoint to, in UdpEndPoint down)
    {
        if (_sent >= perTick || requests.IsSuspended) return;
        _sent++;
        var value = new byte[AddressArray.ItemSize];
        AddressArray.Write(value, down);
        requests.Send(now, new(to, RpcCommands.DownHint, Value: value, IsInternal: true), static (_, _) => { });
    }

    public void OnTick() => _sent = 0;
}
