using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace PeopleSwarm;

/// <summary>
/// The system's interfaces. While somebody listens for changes they are looked at every 5 seconds, and at once when the system
/// tells of a change, which not every system does (spec udx, 18).
/// </summary>
public sealed class SystemNetworkInterfaces : INetworkInterfaces, IDisposable
{
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(5);

    private readonly TimeProvider _time;
    private readonly Func<InterfaceAddress[]> _look;
    private readonly Lock _gate = new();   // the listeners and the timer
    private readonly Lock _looking = new(); // one look at a time, so that listeners see changes in order
    private Action? _changed;
    private InterfaceAddress[] _seen = [];
    private ITimer? _timer;
    private bool _isDisposed;

    /// <summary>The interfaces of this machine.</summary>
    /// <param name="time">The clock of the timer; null takes the system's.</param>
    public SystemNetworkInterfaces(TimeProvider? time = null) : this(time ?? TimeProvider.System, Look) { }

    internal SystemNetworkInterfaces(TimeProvider time, Func<InterfaceAddress[]> look) => (_time, _look) = (time, look);

    /// <inheritdoc/>
    public event Action? Changed
    {
        add
        {
            lock (_gate)
            {
                if (_isDisposed) return;
                if (_timer is null) Watch();
                _changed += value;
            }
        }
        remove
        {
            lock (_gate)
            {
                _changed -= value;
                if (_changed is null) Rest();
            }
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<InterfaceAddress> Addresses => _look();

    /// <summary>Looks no more. Listeners hear nothing afterwards.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
            _changed = null;
            Rest();
        }
    }

    private void Watch()
    {
        _seen = _look();
        NetworkChange.NetworkAddressChanged += OnAddressChanged;
        using (ExecutionContext.SuppressFlow())
        {
            _timer = _time.CreateTimer(static self => ((SystemNetworkInterfaces)self!).Compare(), this, s_interval, s_interval);
        }
    }

    private void Rest()
    {
        if (_timer is null) return;
        NetworkChange.NetworkAddressChanged -= OnAddressChanged;
        _timer.Dispose();
        _timer = null;
    }

    private void OnAddressChanged(object? sender, EventArgs e) => Compare();

    private void Compare()
    {
        lock (_looking)
        {
            var now = _look();
            Action? changed;
            lock (_gate)
            {
                // Without the comparer it is unrolled, and compiling that takes megabytes.
                if (_seen.AsSpan().SequenceEqual(now, EqualityComparer<InterfaceAddress>.Default)) return;
                _seen = now;
                changed = _changed;
            }
            changed?.Invoke();
        }
    }

    private static InterfaceAddress[] Look()
    {
        try
        {
            return [.. NetworkInterface.GetAllNetworkInterfaces()
                .Where(i => i.OperationalStatus is OperationalStatus.Up or OperationalStatus.Unknown)
                .Select(i => (Interface: i, Properties: i.GetIPProperties()))
                .OrderByDescending(i => i.Properties.GatewayAddresses.Count > 0)
                .SelectMany(i => i.Properties.UnicastAddresses
                    .Where(a => a.Address.AddressFamily is AddressFamily.InterNetwork or AddressFamily.InterNetworkV6)
                    .Select(a => new InterfaceAddress(i.Interface.Name, UdpEndPoint.From(a.Address, 0),
                        i.Interface.NetworkInterfaceType == NetworkInterfaceType.Loopback)))];
        }
        catch (NetworkInformationException)
        {
            return []; // the system does not tell, or an interface went while it was looked at
        }
    }
}
