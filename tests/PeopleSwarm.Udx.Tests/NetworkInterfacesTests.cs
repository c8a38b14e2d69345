using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace PeopleSwarm;

public class NetworkInterfacesTests
{
    private static readonly InterfaceAddress s_loopback = new("lo", UdpEndPoint.Loopback(0), IsInternal: true);
    private static readonly InterfaceAddress s_wifi = new("wifi", UdpEndPoint.Parse("192.168.0.7:0"), IsInternal: false);

    private readonly FakeTimeProvider _time = new();
    private InterfaceAddress[] _addresses = [s_loopback];
    private int _looks;

    private SystemNetworkInterfaces Create() => new(_time, () =>
    {
        _looks++;
        return _addresses;
    });

    [Fact]
    public void Changes_are_told_within_five_seconds_and_only_then()
    {
        using var interfaces = Create();
        int changes = 0;
        interfaces.Changed += () => changes++;
        _time.Advance(TimeSpan.FromSeconds(20));
        Assert.Equal(0, changes);
        _addresses = [s_wifi, s_loopback];
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(1, changes);
        Assert.Equal([s_wifi, s_loopback], interfaces.Addresses);
        _addresses = [s_wifi with { Address = UdpEndPoint.Parse("192.168.0.8:0") }, s_loopback];
        _time.Advance(TimeSpan.FromSeconds(5));
        _addresses = [s_loopback];
        _time.Advance(TimeSpan.FromSeconds(15));
        Assert.Equal(3, changes);
    }

    [Fact]
    public void Nobody_looks_while_nobody_listens()
    {
        var interfaces = Create();
        int changes = 0;
        void OnChanged() => changes++;
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(0, _looks);
        interfaces.Changed += OnChanged;
        interfaces.Changed -= OnChanged;
        int looks = _looks;
        _addresses = [];
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal((looks, 0), (_looks, changes));
        interfaces.Changed += OnChanged;
        interfaces.Dispose();
        interfaces.Changed += OnChanged;
        looks = _looks;
        _addresses = [s_wifi];
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal((looks, 0), (_looks, changes));
    }

    [Fact]
    public async Task The_machine_has_a_loopback_interface()
    {
        await using var provider = new ServiceCollection().AddUdx().BuildServiceProvider();
        var addresses = provider.GetRequiredService<INetworkInterfaces>().Addresses;
        var loopback = Assert.Single(addresses, a => a.Address == UdpEndPoint.Loopback(0));
        Assert.True(loopback.IsInternal);
        Assert.Equal(AddressFamily.InterNetwork, loopback.Family);
        Assert.NotEmpty(loopback.Name);
        Assert.All(addresses, a => Assert.Equal(a.Address.IsIPv4, a.Family == AddressFamily.InterNetwork));
    }
}
