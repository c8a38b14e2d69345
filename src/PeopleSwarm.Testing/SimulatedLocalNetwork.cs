namespace PeopleSwarm.Testing;

/// <summary>The interfaces of a simulated host for code that asks for <see cref="ILocalNetwork"/> or <see cref="INetworkInterfaces"/>.</summary>
internal sealed class SimulatedLocalNetwork : ILocalNetwork, INetworkInterfaces
{
    private const string InterfaceName = "sim0";

    private readonly SimulatedHost _host;

    public SimulatedLocalNetwork(SimulatedHost host)
    {
        _host = host;
        host.AddressChanged += (_, _) => Changed?.Invoke();
    }

    public event Action? Changed;

    public IReadOnlyList<UdpEndPoint> Addresses => [.. _host.Addresses.Where(a => a.IsIPv4)];

    IReadOnlyList<InterfaceAddress> INetworkInterfaces.Addresses =>
        [.. _host.Addresses.Select(a => new InterfaceAddress(InterfaceName, a.WithPort(0), IsInternal: false))];
}

/// <summary>The network's names for code that asks for <see cref="INameResolver"/>.</summary>
internal sealed class SimulatedNameResolver(SimulatedNetwork network) : INameResolver
{
    public Task<UdpEndPoint?> ResolveAsync(string name, CancellationToken cancellationToken) =>
        Task.FromResult<UdpEndPoint?>(network.Names.TryGetValue(name, out var address) ? address.WithPort(0) : null);
}
