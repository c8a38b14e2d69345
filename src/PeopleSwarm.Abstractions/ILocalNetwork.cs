using System.Net.Sockets;

namespace PeopleSwarm;

/// <summary>The interfaces of the machine: the system's, or a test's. Safe on any thread.</summary>
public interface ILocalNetwork
{
    /// <summary>An interface came, went or changed its address. Raised on any thread.</summary>
    event Action? Changed;

    /// <summary>Our IPv4 addresses with port 0, loopback not among them; the default route's interface first.</summary>
    IReadOnlyList<UdpEndPoint> Addresses { get; }
}

/// <summary>Looks up names of bootstrap nodes: in the system's DNS, or a test's. Safe on any thread.</summary>
public interface INameResolver
{
    /// <summary>The IPv4 address of a name, with port 0; null if it has none.</summary>
    /// <exception cref="SocketException">The look-up failed.</exception>
    Task<UdpEndPoint?> ResolveAsync(string name, CancellationToken cancellationToken);
}
