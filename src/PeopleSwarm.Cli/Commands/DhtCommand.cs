using System.CommandLine;

namespace PeopleSwarm.Cli.Commands;

/// <summary><c>dht</c>: nodes without peers of their own, and what can be done with the DHT without connecting to anybody.</summary>
internal static class DhtCommand
{
    public static Command Create() => new("dht", "Runs nodes of a DHT, and looks up, announces, gets and puts in it.")
    {
        DhtBootstrapCommand.Create(),
        DhtNodeCommand.Create(),
        DhtLookupCommand.Create(),
        DhtAnnounceCommand.Create(),
        DhtGetCommand.Create(),
        DhtPutCommand.Create(),
    };
}
