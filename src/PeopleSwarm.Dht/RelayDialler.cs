using Microsoft.Extensions.Logging;
using PeopleSwarm.Dht.Connect;
using PeopleSwarm.Dht.Messages;

namespace PeopleSwarm.Dht;

/// <summary>Our connections to relays; has streams paired there (spec hyperdht, 10).</summary>
internal sealed class RelayDialler(DhtNode node, IProtomuxFactory multiplexers, PeerDhtOptions options, TimeProvider time, ILogger logger) : IRelayDialler
{
    private readonly Lock _gate = new();
    private readonly List<RelayClient> _clients = []; // the oldest first
    private int _pending;

    public IRelayPairing? Pair(RelayThroughInfo relay, bool isInitiator, IReliableStream stream, RelayPairingEvents events)
    {
        if (Interlocked.Increment(ref _pending) > options.MaxRelayPairings)
        {
            Interlocked.Decrement(ref _pending);
            return null;
        }
        var pairing = new RelayPairing(relay, isInitiator, stream, events, node.Post, () => Interlocked.Decrement(ref _pending), options.RelayTimeout, time);
        if (Connect(relay.PublicKey, client => client.TryAdd(pairing)) is not { } client)
        {
            pairing.End();
            return null;
        }
        pairing.Start(client);
        return pairing;
    }

    public bool IsConnectedTo(PublicKey relay)
    {
        lock (_gate) return _clients.Exists(c => c.Relay == relay && c.IsOpen);
    }

    /// <summary>A connection that stays although no stream uses it, until the caller lets it go; null if there are too many.</summary>
    public RelayClient? Keep(PublicKey relay) => Connect(relay, static client => client.TryKeep(true));

    /// <summary>The network changed: relays that do not answer from here are let go.</summary>
    public void Check() => Array.ForEach(Clients, static c => c.Check());

    /// <summary>Ends all connections at once.</summary>
    public void Clear() => Array.ForEach(Clients, static c => c.Dispose());

    private RelayClient[] Clients
    {
        get
        {
            lock (_gate) return [.. _clients];
        }
    }

    /// <summary>The first connection to the relay that serves the purpose, or a new one.</summary>
    private RelayClient? Connect(PublicKey relay, Func<RelayClient, bool> use)
    {
        RelayClient? idle = null;
        try
        {
            lock (_gate)
            {
                if (_clients.Find(c => c.Relay == relay && use(c)) is { } known) return known;
                if (_clients.Count >= options.MaxRelayConnections)
                {
                    idle = _clients.Find(static c => c.IsIdle);
                    if (idle is null) return null;
                    _clients.Remove(idle);
                }
                var client = new RelayClient(node, relay, multiplexers, options, time, logger);
                _clients.Add(client);
                _ = RemoveWhenEndedAsync(client);
                return use(client) ? client : null;
            }
        }
        finally
        {
            idle?.Dispose(); // calls others
        }
    }

    private async Task RemoveWhenEndedAsync(RelayClient client)
    {
        await client.Ended.ConfigureAwait(false); // never faults
        lock (_gate) _clients.Remove(client);
    }
}
