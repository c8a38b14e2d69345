using System.Diagnostics;
using System.Diagnostics.Metrics;
using PeopleSwarm.Swarm.Policy;

namespace PeopleSwarm.Swarm;

/// <summary>Instruments of a swarm, and the source of its activities.</summary>
internal sealed class SwarmMetrics : IDisposable
{
    public const string Name = "PeopleSwarm.Swarm";

    private readonly Meter _meter;
    private readonly Counter<long> _dials, _opened, _closed, _bans;
    private readonly Histogram<double> _dialDuration;

    /// <param name="meters">Makes the meter; null for one without a container.</param>
    /// <param name="read">Reads the machine under the gate.</param>
    public SwarmMetrics(IMeterFactory? meters, Func<Func<SwarmMachine, long>, long> read)
    {
        _meter = meters?.Create(Name) ?? new(Name);
        _dials = _meter.CreateCounter<long>("peopleswarm.swarm.dials", "{dial}", "Dials ended, by outcome");
        _dialDuration = _meter.CreateHistogram<double>("peopleswarm.swarm.dial.duration", "s", "Time to open or fail");
        _opened = _meter.CreateCounter<long>("peopleswarm.swarm.connections.opened", "{connection}", "Connections opened, by direction");
        _closed = _meter.CreateCounter<long>("peopleswarm.swarm.connections.closed", "{connection}", "Connections closed, by direction and reason");
        _bans = _meter.CreateCounter<long>("peopleswarm.swarm.bans", "{peer}", "Peers banned by the firewall");
        Gauge("connections", "{connection}", "Open connections", machine => machine.OpenConnections.Length);
        Gauge("connecting", "{dial}", "Dials in progress", machine => machine.Connecting);
        Gauge("peers.queued", "{peer}", "Peers that wait for their dial", machine => machine.QueuedPeers);
        Gauge("peers.known", "{peer}", "Peers known", machine => machine.KnownPeers);
        Count("peers.dropped", "{peer}", "Found peers dropped because a table was full", machine => machine.DroppedPeers);
        Count("connections.refused", "{connection}", "Incoming connections over the limit", machine => machine.RefusedConnections);

        void Gauge(string name, string unit, string description, Func<SwarmMachine, long> value) =>
            _meter.CreateObservableGauge($"peopleswarm.swarm.{name}", () => read(value), unit, description);
        void Count(string name, string unit, string description, Func<SwarmMachine, long> value) =>
            _meter.CreateObservableCounter($"peopleswarm.swarm.{name}", () => read(value), unit, description);
    }

    /// <summary>Activities of dials.</summary>
    public static ActivitySource Activities { get; } = new(Name);

    public void DialEnded(string outcome, TimeSpan duration)
    {
        var tag = new KeyValuePair<string, object?>("outcome", outcome);
        _dials.Add(1, tag);
        _dialDuration.Record(duration.TotalSeconds, tag);
    }

    public void Opened(LinkDirection direction) => _opened.Add(1, Direction(direction));

    public void Closed(LinkDirection direction, StreamCloseReason reason) =>
        _closed.Add(1, Direction(direction), new("reason", reason.ToString()));

    public void Banned() => _bans.Add(1);

    public void Dispose() => _meter.Dispose();

    public static string Text(LinkDirection direction) => direction == LinkDirection.Client ? "client" : "server";

    private static KeyValuePair<string, object?> Direction(LinkDirection direction) => new("direction", Text(direction));
}
