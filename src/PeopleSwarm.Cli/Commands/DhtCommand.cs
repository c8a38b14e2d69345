using System.CommandLine;

namespace PeopleSwarm.Cli.Commands;

/// <summary><c>dht</c>: nodes without peers of their own.</summary>
internal static class DhtCommand
{
    public static Command Create() => new("dht", "Runs nodes of a DHT.") { DhtBootstrapCommand.Create(), DhtNodeCommand.Create() };
}
