using PeopleSwarm.Dht.Connect;
using PeopleSwarm.Dht.Messages;

namespace PeopleSwarm.Dht.TestKit;

/// <summary>Relays that pair when the test says so.</summary>
internal sealed class FakeRelays : IRelayDialler
{
    public List<FakePairing> Pairings { get; } = [];

    public IRelayPairing? Pair(RelayThroughInfo relay, bool isInitiator, IReliableStream stream, RelayPairingEvents events)
    {
        var pairing = new FakePairing(relay, isInitiator, events);
        Pairings.Add(pairing);
        return pairing;
    }

    public bool IsConnectedTo(PublicKey relay) => false;
}

internal sealed class FakePairing(RelayThroughInfo relay, bool isInitiator, RelayPairingEvents events) : IRelayPairing
{
    public RelayThroughInfo Relay { get; } = relay;

    public bool IsInitiator { get; } = isInitiator;

    public RelayPairingEvents Events { get; } = events;

    public bool IsEnded { get; private set; }

    public void End() => IsEnded = true;
}
