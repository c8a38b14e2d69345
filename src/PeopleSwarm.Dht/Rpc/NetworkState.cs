using PeopleSwarm.Dht.Kademlia;
using PeopleSwarm.Dht.Nat;

namespace PeopleSwarm.Dht.Rpc;

/// <summary>Decides when we are reachable, and when we become a full member of the network (spec dht-rpc, 16).</summary>
internal sealed class NetworkState(EphemeralMode setting, RequestTable requests, LocalIdentity identity, TableMaintenance table, NatSampling sampling,
    Bootstrapper bootstrapper, NodeIds ids, Action<Timestamp> refresh)
{
    private const int RecheckTicks = 36; // 3 min: a node that must be persistent keeps trying
    private const int MovedTicks = 12; // 1 min: should the check that follows a move fail

    private int _stableIn = setting switch { EphemeralMode.Adaptive => Ticks.Stable, EphemeralMode.Never => RecheckTicks, _ => 0 };
    private UdpEndPoint? _lastChecked;
    private bool _isChecking;

    public bool IsForced => setting == EphemeralMode.Never;

    /// <summary>Whether bootstrapping has ended; set by it.</summary>
    public bool IsBootstrapped { get; set; }

    public void OnTick(Timestamp now)
    {
        if (setting == EphemeralMode.Always || !identity.IsEphemeral || --_stableIn > 0) return;
        var host = identity.Nat.Result?.WithPort(0);
        if (setting == EphemeralMode.Adaptive && _lastChecked is not null && host == _lastChecked) _stableIn = Ticks.MoreStable;
        else Update(now, onlyFirewall: false, static (_, _) => { });
    }

    /// <summary>The machine slept or was suspended, perhaps in another network: an adaptive node proves itself anew.</summary>
    public void OnWakeUp()
    {
        _lastChecked = null;
        _stableIn = IsForced ? RecheckTicks : Ticks.MoreStable;
        if (setting == EphemeralMode.Adaptive) identity.IsEphemeral = true;
    }

    /// <summary>Our address changed, and with it our id: nobody is persistent before it was proved there.</summary>
    public void OnMoved()
    {
        _lastChecked = null;
        _stableIn = IsForced ? MovedTicks : Ticks.MoreStable;
        identity.IsEphemeral = true;
    }

    /// <summary>Probes the firewall if need be and takes on what was learned; <paramref name="done"/> tells whether anything changed.</summary>
    /// <param name="now">The instant.</param>
    /// <param name="onlyFirewall">Do not become persistent, only reachable.</param>
    /// <param name="done">Called once, perhaps inline.</param>
    public void Update(Timestamp now, bool onlyFirewall, Action<Timestamp, bool> done)
    {
        if (_isChecking || !identity.IsEphemeral || onlyFirewall && !identity.IsFirewalled)
        {
            done(now, false);
            return;
        }
        var address = identity.Nat.Result;
        if (!onlyFirewall)
        {
            _stableIn = IsForced ? RecheckTicks : Ticks.MoreStable;
            _lastChecked = address?.WithPort(0);
        }
        if (address is not { Port: not 0 } known)
        {
            done(now, false);
            return;
        }
        if (!identity.IsFirewalled)
        {
            done(now, Adopt(now, known, identity.Nat, onlyFirewall));
            return;
        }
        _isChecking = true;
        new FirewallProbe(requests, identity, table.Ages, bootstrapper).Start(now, (at, samples) =>
        {
            _isChecking = false;
            if (samples is null)
            {
                done(at, false);
                return;
            }
            identity.IsFirewalled = false;
            done(at, identity.IsEphemeral && identity.Nat.Result == known && Adopt(at, known, samples, onlyFirewall));
        });
    }

    private bool Adopt(Timestamp now, UdpEndPoint known, NatSampler samples, bool onlyFirewall)
    {
        if (samples.Result is not { Port: not 0 } address || !address.HasSameAddress(known)) return false;
        if (!onlyFirewall) identity.IsEphemeral = false;
        if (samples != identity.Nat)
        {
            identity.Nat = samples;
            sampling.Reset();
        }
        var id = ids.Of(address);
        if (id != identity.Table.Id)
        {
            table.Rebuild(id);
            if (IsBootstrapped) refresh(now);
        }
        return true;
    }
}
