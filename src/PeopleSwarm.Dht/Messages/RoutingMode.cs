namespace PeopleSwarm.Dht.Messages;

/// <summary>Which leg of its way a routed message is on (spec hyperdht, 1.2 and 7).</summary>
internal enum RoutingMode
{
    FromClient = 0,
    FromServer = 1,
    FromRelay = 2,
    FromSecondRelay = 3,
    Reply = 4,
}
