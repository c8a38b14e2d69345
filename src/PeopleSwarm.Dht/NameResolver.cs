using System.Net;
using System.Net.Sockets;

namespace PeopleSwarm.Dht;

/// <summary>Looks up names of bootstrap nodes.</summary>
internal interface INameResolver
{
    /// <summary>The IPv4 address of a name, with port 0; null if it has none.</summary>
    /// <exception cref="SocketException">The look-up failed.</exception>
    Task<UdpEndPoint?> ResolveAsync(string name, CancellationToken cancellationToken);
}

/// <summary>The system's look-up.</summary>
internal sealed class SystemNameResolver : INameResolver
{
    public async Task<UdpEndPoint?> ResolveAsync(string name, CancellationToken cancellationToken)
    {
        var addresses = await Dns.GetHostAddressesAsync(name, AddressFamily.InterNetwork, cancellationToken).ConfigureAwait(false);
        return addresses.Length == 0 ? null : UdpEndPoint.From(addresses[0], 0);
    }
}
