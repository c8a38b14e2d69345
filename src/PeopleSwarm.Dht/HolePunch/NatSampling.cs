using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Dht.Rpc;

namespace PeopleSwarm.Dht.HolePunch;

/// <summary>Asks nodes how they see a punch socket until its NAT can be judged, and takes a fresh socket where that helps (spec hyperdht, 9.1).</summary>
/// <remarks>Runs beside the first round: mappings of mobile networks do not wait.</remarks>
internal sealed class NatSampling(IRpcEngine engine, Puncher puncher)
{
    private const int MaxReopens = 3, Skipped = 5, SkipFrom = 8; // the newest nodes are asked by everything else, too
    private const int NodesWanted = 24;

    private readonly HashSet<UdpEndPoint> _asked = [];
    private Action<Timestamp>? _whenDecided;
    private int _pending, _generation, _reopens;
    private bool _hasRetried;

    public void Start(Timestamp now)
    {
        puncher.ResetNat(engine.DefaultSocket != engine.ServerSocket);
        _hasRetried = false;
        _asked.Clear();
        Ask(now);
    }

    /// <summary>Calls <paramref name="action"/> once the NAT is judged or nobody is left to ask; perhaps at once.</summary>
    public void WhenDecided(Timestamp now, Action<Timestamp> action)
    {
        if (_pending == 0 || puncher.Nat.IsDecided) action(now);
        else _whenDecided += action;
    }

    /// <summary>Judges again on fresh sockets while the NAT is no good; then true if it is consistent.</summary>
    public void Reopen(Timestamp now, Action<Timestamp, bool> done)
    {
        if (puncher.IsOver || !puncher.IsUnstable || _reopens >= MaxReopens || !puncher.TryReopen())
        {
            done(now, puncher.Nat.Firewall is PeerFirewallState.Consistent or PeerFirewallState.Open);
            return;
        }
        _reopens++;
        _generation++;
        _pending = 0;
        _whenDecided = null;
        Start(now);
        WhenDecided(now, at => Reopen(at, done));
    }

    /// <summary>A routed message showed how a relay sees us.</summary>
    public void Add(Timestamp now, in UdpEndPoint seen, in UdpEndPoint referrer)
    {
        puncher.Nat.Add(seen, referrer);
        if (puncher.Nat.IsDecided) Decide(now);
    }

    private void Ask(Timestamp now)
    {
        var nodes = engine.NewestNodes(NodesWanted);
        int generation = _generation;
        for (int i = nodes.Count >= SkipFrom ? Skipped : 0; i < nodes.Count && puncher.Nat.Count + _pending < NatClassifier.SamplesWanted; i++)
        {
            if (!_asked.Add(nodes[i])) continue;
            _pending++;
            engine.Request(now, new(nodes[i], PeerCommand.InternalPing, IsInternal: true, Retries: 0, Socket: puncher.Socket), (at, outcome) =>
            {
                if (generation != _generation || puncher.IsOver) return;
                _pending--;
                if (outcome.Response is { } pong) puncher.Nat.Add(pong.To, pong.From);
                if (puncher.Nat.IsDecided) Decide(at);
                else if (_pending == 0) AskAgain(at);
            });
        }
        if (_pending == 0) Decide(now);
    }

    private void AskAgain(Timestamp now)
    {
        if (_hasRetried)
        {
            Decide(now);
            return;
        }
        _hasRetried = true;
        Ask(now);
    }

    private void Decide(Timestamp now)
    {
        var action = _whenDecided;
        _whenDecided = null;
        action?.Invoke(now);
    }
}
