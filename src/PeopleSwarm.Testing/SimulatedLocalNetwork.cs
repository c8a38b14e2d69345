namespace PeopleSwarm.Testing;

/// <summary>The interfaces of a simulated host for code that asks for <see cref="ILocalNetwork"/>.</summary>
internal sealed class SimulatedLocalNetwork : ILocalNetwork
{
    private readonly SimulatedHost _host;

    public SimulatedLocalNetwork(SimulatedHost host)
    {
        _host = host;
        host.AddressChanged += (_, _) => Changed?.Invoke();
    }

    public event Action? Changed;

    public IReadOnlyList<UdpEndPoint> Addresses => [.. _host.Addresses.Where(a => a.IsIPv4)];
}

/// <summary>The network's names for code that asks for <see cref="INameResolver"/>.</summary>
internal sealed class SimulatedNameResolver(SimulatedNetwork network) : INameResolver
{
    public Task<UdpEndPoint?> ResolveAsync(string name, CancellationToken cancellationToken) =>
        Task.FromResult<UdpEndPoint?>(network.Names.TryGetValue(name, out var address) ? address.WithPort(0) : null);
}
