using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace PeopleSwarm.Dht;

/// <summary>The meter <c>PeopleSwarm.Dht</c>: the counters of all nodes of this process, read when somebody listens.</summary>
internal sealed class DhtMetrics : IDisposable
{
    public const string MeterName = "PeopleSwarm.Dht";

    private readonly Meter _meter;
    private readonly Counter<long> _relayDrops;
    private readonly ConcurrentDictionary<DhtNode, byte> _nodes = [];
    private DhtStatistics _gone = new();

    public DhtMetrics(IMeterFactory? meters = null)
    {
        _meter = meters?.Create(MeterName) ?? new Meter(MeterName);
        Count("requests", "{request}", "Requests sent, retries not counted.", s => s.Requests);
        Count("responses", "{response}", "Answers matched to a request.", s => s.Responses);
        Count("timeouts", "{request}", "Requests given up.", s => s.Timeouts);
        Count("retries", "{request}", "Requests sent again.", s => s.Retries);
        Count("served", "{request}", "Requests of others served.", s => s.Served);
        Count("dropped", "{datagram}", "Datagrams not understood, not asked for or over a limit.", s => s.Dropped);
        Count("queries", "{query}", "Queries begun.", s => s.Queries);
        _relayDrops = _meter.CreateCounter<long>("peopleswarm.dht.relay.dropped", "{packet}", "Packets that our relays dropped over a limit on bytes a second.");
        _meter.CreateObservableGauge("peopleswarm.dht.queries.active", () => _nodes.Keys.Sum(n => n.Statistics.ActiveQueries), "{query}");
        _meter.CreateObservableGauge("peopleswarm.dht.nodes", () => _nodes.Keys.Sum(n => n.Status.KnownNodes), "{node}", "Nodes in the routing tables.");
    }

    public void Add(DhtNode node) => _nodes.TryAdd(node, 0);

    /// <summary>The node ends; what it counted stays counted.</summary>
    public void Remove(DhtNode node)
    {
        if (!_nodes.TryRemove(node, out _)) return;
        var last = node.Statistics;
        lock (_nodes)
        {
            _gone = new()
            {
                Requests = _gone.Requests + last.Requests,
                Responses = _gone.Responses + last.Responses,
                Timeouts = _gone.Timeouts + last.Timeouts,
                Retries = _gone.Retries + last.Retries,
                Served = _gone.Served + last.Served,
                Dropped = _gone.Dropped + last.Dropped,
                Queries = _gone.Queries + last.Queries,
            };
        }
    }

    public void RelayDropped(long packets) => _relayDrops.Add(packets);

    public void Dispose() => _meter.Dispose();

    private void Count(string name, string unit, string description, Func<DhtStatistics, long> read) =>
        _meter.CreateObservableCounter($"peopleswarm.dht.{name}", () => read(_gone) + _nodes.Keys.Sum(n => read(n.Statistics)), unit, description);
}
