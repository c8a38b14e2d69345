namespace PeopleSwarm.Architecture;

/// <summary>Code that decides on bytes and instants alone: it is handed <see cref="Timestamp"/> and <see cref="IRandomSource"/>.</summary>
public class ProtocolPurityTests
{
    private static readonly string[] s_pure =
    [
        "PeopleSwarm.Udx.Protocol",
        "PeopleSwarm.Noise.Protocol",
        "PeopleSwarm.Protomux.Protocol",
        "PeopleSwarm.Dht.Messages", "PeopleSwarm.Dht.Kademlia", "PeopleSwarm.Dht.Rpc", "PeopleSwarm.Dht.Storage", "PeopleSwarm.Dht.Relay",
        "PeopleSwarm.Dht.Connect", "PeopleSwarm.Dht.BlindRelay", "PeopleSwarm.Dht.Announcing", "PeopleSwarm.Dht.Nat",
        "PeopleSwarm.Swarm.Policy",
    ];

    private static readonly string[] s_forbiddenNamespaces = ["System.Net.Sockets", "System.Threading.Tasks", "Microsoft.Extensions.Logging"];

    private static readonly string[] s_forbiddenTypes =
    [
        "System.TimeProvider", "System.Diagnostics.Stopwatch", "System.Threading.Timer", "System.Threading.Thread", "System.Threading.ThreadPool",
        "System.Security.Cryptography.RandomNumberGenerator", "System.Random", "PeopleSwarm.SystemRandomSource",
    ];

    private static readonly string[] s_forbiddenMembers =
    [
        "System.DateTime.get_UtcNow", "System.DateTime.get_Now", "System.DateTimeOffset.get_UtcNow", "System.DateTimeOffset.get_Now",
        "System.Guid.NewGuid", "System.Environment.get_TickCount", "System.Environment.get_TickCount64", "PeopleSwarm.Timestamp.Now",
    ];

    // Whether a stream or connection that was handed in has closed meanwhile is a look at state; nothing is awaited.
    private const string AllowedMember = "System.Threading.Tasks.Task.get_IsCompleted";

    public static TheoryData<string> Namespaces => [.. s_pure];

    [Theory, MemberData(nameof(Namespaces))]
    public void Protocol_code_is_handed_its_clock_its_chance_and_its_datagrams(string ns) => Breach.None(
        ReferencesIn(ns).Where(IsForbidden), $"{ns} must stay free of sockets, tasks, clocks, loggers and chance of its own:");

    [Theory, MemberData(nameof(Namespaces))]
    public void The_namespace_exists(string ns) => Assert.NotEmpty(ReferencesIn(ns));

    private static IEnumerable<CodeReference> ReferencesIn(string ns)
    {
        string package = string.Join('.', ns.Split('.').Take(2));
        return Assemblies.ReferencesOf(package).Where(r => r.From.Namespace == ns || r.From.Namespace.StartsWith(ns + ".", StringComparison.Ordinal));
    }

    private static bool IsForbidden(CodeReference reference) => $"{reference.To.FullName}.{reference.ToMember}" != AllowedMember && IsListed(reference);

    private static bool IsListed(CodeReference reference) =>
        s_forbiddenNamespaces.Any(n => reference.ToNamespace == n || reference.ToNamespace.StartsWith(n + ".", StringComparison.Ordinal))
        || s_forbiddenTypes.Contains(reference.To.FullName)
        || s_forbiddenMembers.Contains($"{reference.To.FullName}.{reference.ToMember}");
}
