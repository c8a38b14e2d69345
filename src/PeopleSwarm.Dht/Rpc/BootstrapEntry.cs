using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace PeopleSwarm.Dht.Rpc;

/// <summary>Where to begin: <c>address:port</c>, <c>name:port</c> or <c>address@name:port</c> (spec dht-rpc, 15.1).</summary>
/// <param name="Address">The address, or the one to try before the name; its port is the entry's.</param>
/// <param name="Name">The name to look up; null where the address is all there is.</param>
/// <param name="Port">1 to 65535.</param>
internal sealed record BootstrapEntry(UdpEndPoint? Address, string? Name, ushort Port)
{
    public static BootstrapEntry At(UdpEndPoint address) => new(address, null, address.Port);

    public static bool TryParse(string? text, out BootstrapEntry? entry)
    {
        entry = null;
        int colon = text?.LastIndexOf(':') ?? -1;
        if (colon <= 0 || !ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ushort port) || port == 0) return false;
        string host = text![..colon];
        int at = host.IndexOf('@', StringComparison.Ordinal);
        if (at < 0)
        {
            if (TryParseIPv4(host, port, out var address)) entry = At(address);
            else if (IsName(host)) entry = new(null, host, port);
        }
        else if (TryParseIPv4(host[..at], port, out var suggested) && IsName(host[(at + 1)..]))
        {
            entry = new(suggested, host[(at + 1)..], port);
        }
        return entry is not null;
    }

    private static bool TryParseIPv4(string host, ushort port, out UdpEndPoint address)
    {
        address = default;
        if (host.Count(c => c == '.') != 3 || !IPAddress.TryParse(host, out var parsed) || parsed.AddressFamily != AddressFamily.InterNetwork) return false;
        address = UdpEndPoint.From(parsed, port);
        return true;
    }

    private static bool IsName(string host) => Uri.CheckHostName(host) == UriHostNameType.Dns;

    public override string ToString() => (Address, Name) switch
    {
        ({ } address, null) => address.ToString(),
        ({ } address, { } name) => $"{address.HostText}@{name}:{Port}",
        _ => $"{Name}:{Port}",
    };
}
