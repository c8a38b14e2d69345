using System.Net.Sockets;

namespace PeopleSwarm;

/// <summary>Every address of the machine, by interface: the system's, or a test's. Safe on any thread.</summary>
public interface INetworkInterfaces
{
    /// <summary>An interface came, went or changed its address. Raised on any thread, one call at a time.</summary>
    event Action? Changed;

    /// <summary>The addresses of the interfaces that are up, loopback among them; the default route's interface first.</summary>
    IReadOnlyList<InterfaceAddress> Addresses { get; }
}

/// <summary>One address of an interface.</summary>
/// <param name="Name">The interface's name on this system.</param>
/// <param name="Address">The address, with port 0; a scope id is not kept.</param>
/// <param name="IsInternal">Whether the interface reaches this machine alone, as loopback does.</param>
public readonly record struct InterfaceAddress(string Name, UdpEndPoint Address, bool IsInternal)
{
    /// <summary>IPv4 or IPv6.</summary>
    public AddressFamily Family => Address.IsIPv4 ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6;
}
