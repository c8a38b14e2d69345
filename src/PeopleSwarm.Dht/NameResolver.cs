using System.Net;
using System.Net.Sockets;

namespace PeopleSwarm.Dht;

/// <summary>The system's look-up.</summary>
internal sealed class SystemNameResolver : INameResolver
{
    public async Task<UdpEndPoint?> ResolveAsync(string name, CancellationToken cancellationToken)
    {
        var addresses = await Dns.GetHostAddressesAsync(name, AddressFamily.InterNetwork, cancellationToken).ConfigureAwait(false);
        return addresses.Length == 0 ? null : UdpEndPoint.From(addresses[0], 0);
    }
}
