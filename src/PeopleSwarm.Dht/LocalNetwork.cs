using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace PeopleSwarm.Dht;

/// <summary>The system's interfaces, looked at again when they change.</summary>
internal sealed class SystemLocalNetwork : ILocalNetwork, IDisposable
{
    private IReadOnlyList<UdpEndPoint>? _addresses;

    public SystemLocalNetwork() => NetworkChange.NetworkAddressChanged += OnChanged;

    public event Action? Changed;

    public IReadOnlyList<UdpEndPoint> Addresses => Volatile.Read(ref _addresses) ?? Look();

    public void Dispose() => NetworkChange.NetworkAddressChanged -= OnChanged;

    private void OnChanged(object? sender, EventArgs e)
    {
        Volatile.Write(ref _addresses, null);
        Changed?.Invoke();
    }

    private UdpEndPoint[] Look()
    {
        UdpEndPoint[] addresses;
        try
        {
            addresses = [.. NetworkInterface.GetAllNetworkInterfaces()
                .Where(i => i.OperationalStatus == OperationalStatus.Up && i.NetworkInterfaceType != NetworkInterfaceType.Loopback)
                .Select(i => i.GetIPProperties())
                .OrderByDescending(p => p.GatewayAddresses.Count > 0)
                .SelectMany(p => p.UnicastAddresses)
                .Where(a => a.Address.AddressFamily == AddressFamily.InterNetwork)
                .Select(a => UdpEndPoint.From(a.Address, 0))];
        }
        catch (NetworkInformationException)
        {
            addresses = []; // the system does not tell; nothing is listed
        }
        Volatile.Write(ref _addresses, addresses);
        return addresses;
    }
}
