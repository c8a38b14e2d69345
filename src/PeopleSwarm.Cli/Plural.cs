namespace PeopleSwarm.Cli;

/// <summary>Numbers of things, in words.</summary>
internal static class Plural
{
    public static string Nodes(int count) => count == 1 ? "1 node" : $"{count} nodes";
}
