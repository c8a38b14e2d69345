namespace PeopleSwarm.Dht;

/// <summary>What a node tells others of the machine's interfaces.</summary>
internal sealed class SystemLocalNetwork(INetworkInterfaces interfaces) : ILocalNetwork
{
    public event Action? Changed
    {
        add => interfaces.Changed += value;
        remove => interfaces.Changed -= value;
    }

    public IReadOnlyList<UdpEndPoint> Addresses =>
        [.. interfaces.Addresses.Where(a => a.Address.IsIPv4 && !a.IsInternal).Select(a => a.Address)];
}
