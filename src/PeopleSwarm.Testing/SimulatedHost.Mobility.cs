using System.Net.Sockets;

namespace PeopleSwarm.Testing;

public sealed partial class SimulatedHost
{
    /// <summary>Whether the host sleeps: it does nothing and hears nothing, and its timers are late when it wakes.</summary>
    public bool IsAsleep { get; private set; }

    /// <summary>Whether any interface is up.</summary>
    public bool IsConnected => Route(null) is not null;

    /// <summary>An interface came, went or changed its address. Raised on the thread that changed it.</summary>
    public event EventHandler? AddressChanged;

    /// <summary>Puts the host to sleep, loops and all. Work of real loops and tasks goes on: pause those by their own means.</summary>
    public void Sleep() => IsAsleep = true;

    /// <summary>Wakes the host; everything that became due meanwhile is due now.</summary>
    public void WakeUp()
    {
        IsAsleep = false;
        foreach (var loop in _loops) loop.Resume();
    }

    /// <summary>Takes all interfaces down; what is sent is lost.</summary>
    public void Disconnect() => SetUp(false);

    /// <summary>Brings all interfaces up again.</summary>
    public void Reconnect() => SetUp(true);

    /// <summary>Adds an interface with a public address.</summary>
    /// <exception cref="ArgumentException">The address is taken.</exception>
    public void AddAddress(UdpEndPoint address) => AddAddress(Network.Internet, address);

    /// <summary>Removes an interface. Sockets bound to its address fail; those bound to any address live on.</summary>
    public void RemoveAddress(UdpEndPoint address)
    {
        if (_attachments.Find(a => a.Address.HasSameAddress(address)) is not { } attachment) return;
        attachment.IsUp = false;
        attachment.Realm.Remove(attachment);
        _attachments.Remove(attachment);
        FailPorts(address);
        AddressChanged?.Invoke(this, EventArgs.Empty);
    }

    /// <summary>Changes networks: all interfaces go, one with a public address comes.</summary>
    public void MoveTo(UdpEndPoint address) => MoveTo(Network.Internet, address);

    /// <summary>Changes networks: all interfaces go, one behind <paramref name="nat"/> comes.</summary>
    public void MoveTo(SimulatedNat nat, UdpEndPoint address)
    {
        ArgumentNullException.ThrowIfNull(nat);
        MoveTo(nat.Inner, address);
    }

    internal void AddAddress(Realm realm, UdpEndPoint address)
    {
        Attach(realm, address);
        AddressChanged?.Invoke(this, EventArgs.Empty);
    }

    internal void MoveTo(Realm realm, UdpEndPoint address)
    {
        foreach (var old in _attachments.ToArray()) RemoveAddress(old.Address);
        AddAddress(realm, address);
    }

    internal TimeSpan TimerLateness() => _random.Next(Network.TimerLateness);

    private void FailPorts(UdpEndPoint address)
    {
        List<SimulatedPort> gone;
        lock (_gate) gone = [.. _ports.Values.SelectMany(p => p).Where(p => !p.IsAny && p.LocalEndPoint.HasSameAddress(address))];
        foreach (var port in gone) port.Fail(new SocketException((int)SocketError.NetworkDown));
    }

    private void SetUp(bool up)
    {
        foreach (var attachment in _attachments) attachment.IsUp = up;
        AddressChanged?.Invoke(this, EventArgs.Empty);
    }
}
