using System.Globalization;
using PeopleSwarm.Interop.Harness;

namespace PeopleSwarm.Lab;

/// <summary>
/// An internet of network namespaces with the kernel's own NATs: nothing in it reaches the machine's network, nor the other way round.
/// What an earlier run left behind after a crash goes at the start of the next.
/// </summary>
internal sealed class NetworkLab : IAsyncDisposable
{
    private const string Prefix = "pslab";
    private const int DhtNodes = 12;
    private static readonly string s_own = $"{Prefix}{Environment.ProcessId}-";
    private static readonly string s_peer = Path.Combine(AppContext.BaseDirectory, "PeopleSwarm.Lab.Peer.dll");

    private readonly List<NodePeer> _processes = [];
    private readonly Lock _lock = new();
    private readonly string _internet;
    private int _sites, _names;

    private NetworkLab() => _internet = AddNamespace("net");

    /// <summary>Where nodes of the lab begin.</summary>
    public static string Bootstrap => "5.0.1.1:49737";

    /// <summary>Builds the internet, its DHT and a relay that offers itself there; skips the running test where the machine does not let us.</summary>
    public static async Task<NetworkLab> StartAsync()
    {
        string? missing = FindMissing();
        Assert.SkipUnless(missing is null, $"The lab of network namespaces needs root on Linux, iproute2 and nftables: {missing}");
        RemoveStale();
        var lab = new NetworkLab();
        try
        {
            string[] hosts = [.. Enumerable.Range(1, DhtNodes).Select(i => $"5.0.{i}.1")]; // each in a network of its own, as tables want it
            // With an address of its own: else it is the lowest of its ports', and each site that joins may leave the others a stale neighbour.
            Ip(lab._internet, ["link add br0 address 02:00:05:00:00:01 type bridge", "link set br0 up", .. hosts.Select(h => $"addr add {h}/16 dev br0")]);
            var dht = lab.StartPeer(lab._internet);
            dht.Send(new { command = "serve", id = 0, hosts });
            await dht.ReadAsync("serving0", TimeSpan.FromSeconds(60));
            var relay = lab.AddSite().StartPeer().Process;
            relay.Send(new { command = "relay", id = 0, bootstrap = Bootstrap });
            await relay.ReadAsync("relaying0", TimeSpan.FromSeconds(60));
            return lab;
        }
        catch
        {
            await lab.DisposeAsync();
            throw;
        }
    }

    /// <summary>A computer behind NATs, the innermost first.</summary>
    public LabSite AddSite(params ReadOnlySpan<NatRules> nats)
    {
        string host = AddNamespace("host");
        int site = ++_sites;
        var site0 = new LabSite(this, host, $"5.0.{100 + site}.1", isSymmetric: nats.ToArray().Any(n => n.IsRandom));
        (string inside, string lan) = (host, "eth0");
        for (int level = 0; level < nats.Length; level++)
        {
            string nat = AddNamespace("nat");
            string subnet = string.Create(CultureInfo.InvariantCulture, $"192.168.{10 + level}");
            Connect(inside, lan, nat, "lan");
            Ip(inside, $"addr add {subnet}.2/24 dev {lan}", $"route add default via {subnet}.1");
            Ip(nat, $"addr add {subnet}.1/24 dev lan");
            Shell.Run("1", "ip", "netns", "exec", nat, "tee", "/proc/sys/net/ipv4/ip_forward");
            Shell.Run(nats[level].ToRuleset(inside: $"{subnet}.2"), "ip", "netns", "exec", nat, "nft", "-f", "-");
            (inside, lan) = (nat, "wan");
            site0.OutermostNat = nat;
        }
        string uplink = $"site{site}";
        Connect(inside, lan, _internet, uplink);
        Ip(inside, $"addr add {site0.Address}/16 dev {lan}");
        Ip(_internet, $"link set {uplink} master br0");
        return site0;
    }

    /// <summary>A C# peer on a computer.</summary>
    public NodePeer StartPeer(string host) => Start(host, "peer", "dotnet", "exec", s_peer);

    /// <summary>An npm peer on a computer; skips the running test where Node.js is missing.</summary>
    public NodePeer StartNpmPeer(string host)
    {
        Npm.EnsureInstalled();
        return Start(host, "lab/peer.js", "node", Path.Combine(Npm.Folder, "lab", "peer.js"));
    }

    /// <summary>Ends the processes and takes the namespaces away.</summary>
    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_processes.Select(p => p.DisposeAsync().AsTask()));
        Remove(name => name.StartsWith(s_own, StringComparison.Ordinal));
    }

    internal static void Ip(string space, params string[] commands) =>
        Shell.Run(string.Join('\n', commands) + "\n", "ip", "-n", space, "-batch", "-");

    private NodePeer Start(string host, string name, params string[] command)
    {
        var process = NodePeer.StartProgram(name, "ip", ["netns", "exec", host, .. command]);
        lock (_lock) _processes.Add(process);
        return process;
    }

    private string AddNamespace(string role)
    {
        string name = $"{s_own}{role}{Interlocked.Increment(ref _names)}";
        Shell.Run(null, "ip", "netns", "add", name);
        Ip(name, "link set lo up");
        return name;
    }

    // Both ends are made inside, so that the machine's own namespace never sees them.
    private static void Connect(string one, string device, string other, string otherDevice)
    {
        Ip(one, $"link add {device} type veth peer name {otherDevice} netns {other}", $"link set {device} up");
        Ip(other, $"link set {otherDevice} up");
    }

    private static string? FindMissing()
    {
        if (!OperatingSystem.IsLinux()) return "this is another system.";
        if (!Environment.IsPrivilegedProcess) return "we are not root.";
        string probe = s_own + "probe";
        if (Shell.TryRun(out string reason, null, "ip", "netns", "add", probe) is null) return reason;
        try
        {
            return Shell.TryRun(out reason, NatRules.Symmetric.ToRuleset("192.168.0.2"), "ip", "netns", "exec", probe, "nft", "-f", "-") is null ? reason : null;
        }
        finally
        {
            Shell.TryRun(out _, null, "ip", "netns", "del", probe);
        }
    }

    private static void RemoveStale() => Remove(name => name.StartsWith(Prefix, StringComparison.Ordinal)
        && int.TryParse(name.AsSpan(Prefix.Length, Math.Max(0, name.IndexOf('-', StringComparison.Ordinal) - Prefix.Length)), out int owner)
        && !Directory.Exists($"/proc/{owner}"));

    private static void Remove(Func<string, bool> isOurs)
    {
        foreach (string line in Shell.Run(null, "ip", "netns", "list").Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            string name = line.Split(' ')[0];
            if (!isOurs(name)) continue;
            foreach (string process in Shell.Run(null, "ip", "netns", "pids", name).Split('\n', StringSplitOptions.RemoveEmptyEntries))
                Shell.TryRun(out _, null, "kill", "-9", process); // orphans of a run that crashed
            Shell.TryRun(out _, null, "ip", "netns", "del", name);
        }
    }
}
