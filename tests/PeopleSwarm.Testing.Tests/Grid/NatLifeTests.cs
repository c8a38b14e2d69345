using System.Globalization;
using System.Text;

namespace PeopleSwarm.Testing.Grid;

/// <summary>
/// What NATs do to a connection besides letting it begin: peers behind one NAT, mappings that run out while nothing is said, that drift, or that a
/// restart forgets. Every row has the outcome it must have.
/// </summary>
[Collection<AloneOnThePool>]
public sealed class NatLifeTests
{
    private static readonly TimeSpan s_idle = TimeSpan.FromMinutes(10), s_limit = TimeSpan.FromHours(2);
    private static readonly NatOptions s_cone = NatOptions.PortRestricted, s_random = s_cone with { Ports = NatPortAllocation.Random },
        s_drifting = NatOptions.FullCone with { Ports = NatPortAllocation.Random, DriftAfter = TimeSpan.FromMinutes(1) };

    private static readonly NatLife[] s_rows =
    [
        // Neighbours.
        new("one NAT", Neighbours(s_cone), PeerPath.Lan),
        new("one NAT that hairpins", Neighbours(s_cone with { Hairpin = true }), PeerPath.Lan),
        new("one symmetric NAT", Neighbours(NatOptions.Symmetric), PeerPath.Lan),
        new("two homes of one carrier that hairpins", Homes(s_cone with { Hairpin = true }), PeerPath.Punched),
        new("two homes of one carrier that does not", Homes(s_cone), Path: null),
        // A mapping lasts as long as something passes: streams send a sign of life every 5 s.
        new("mappings of 30 s", Apart(s_random with { MappingTimeout = TimeSpan.FromSeconds(30) }), PeerPath.Punched),
        new("mappings of 30 s that only going out keeps", Apart(s_random with { MappingTimeout = TimeSpan.FromSeconds(30), RefreshOnInbound = false }), PeerPath.Punched),
        // Shorter than the sign of life: another port each time. An open peer follows; one behind a NAT that filters hears nothing of it.
        new("mappings of 4 s, ports preserved", Apart(s_cone with { MappingTimeout = TimeSpan.FromSeconds(4) }), PeerPath.Punched),
        new("mappings of 4 s, other ports, to an open peer", ToOpen(s_random with { MappingTimeout = TimeSpan.FromSeconds(4) }), PeerPath.Direct),
        new("mappings of 4 s, other ports on both sides", Apart(s_random with { MappingTimeout = TimeSpan.FromSeconds(4) }), PeerPath.Punched, Lives: false),
        // Drifting, forgetting and moving.
        new("drifting every minute, to an open peer", ToOpen(s_drifting), PeerPath.Direct),
        new("drifting every minute, to a NAT that lets anybody in", Apart(s_drifting, NatOptions.FullCone), PeerPath.Punched),
        new("drifting every minute, to a NAT that filters", Apart(s_drifting, s_cone), PeerPath.Punched, Lives: false),
        new("both drifting at the same moment", Apart(s_drifting, s_drifting), PeerPath.Punched, Lives: false),
        new("a restart, ports preserved", Apart(s_cone), PeerPath.Punched, IsRestarted: true),
        new("a restart, other ports, to an open peer", ToOpen(s_random), PeerPath.Direct, IsRestarted: true),
    ];

    [Fact]
    public void Connections_live_through_what_their_NATs_allow()
    {
        var table = new StringBuilder();
        var broken = new List<string>();
        foreach (var row in s_rows)
        {
            using var pair = new NatPair(seed: 3, row);
            string seen = pair.Run(s_idle, s_limit), expected = row.Path is null ? "no path" : $"{row.Path}, {(row.Lives ? "lives" : "ends, found again")}";
            table.AppendLine(CultureInfo.InvariantCulture, $"{row.Name,-54} {seen}");
            if (seen != expected) broken.Add($"{row.Name}: {seen} instead of {expected}");
        }
        Report.Write("nat-life-simulated", $"A connection that says nothing for {s_idle.TotalMinutes:0} minutes and then something each way; seconds are virtual.{Environment.NewLine}{Environment.NewLine}{table}");
        Assert.True(broken.Count == 0, string.Join(Environment.NewLine, broken));
    }

    private static Places Neighbours(NatOptions options) => net =>
    {
        var nat = net.AddNat("91.0.0.1", options);
        return (nat.AddHost("192.168.1.2"), nat.AddHost("192.168.1.3"), [nat]);
    };

    private static Places Homes(NatOptions carrier) => net =>
    {
        var outer = net.AddNat("91.0.0.1", carrier);
        return (outer.AddNat("100.64.0.2", s_cone).AddHost("192.168.1.2"), outer.AddNat("100.64.0.3", s_cone).AddHost("192.168.2.2"), [outer]);
    };

    private static Places Apart(NatOptions options, NatOptions? listener = null) => net =>
    {
        var (one, other) = (net.AddNat("91.0.0.1", options), net.AddNat("92.0.0.1", listener ?? options));
        return (one.AddHost("192.168.1.2"), other.AddHost("192.168.2.2"), [one, other]);
    };

    private static Places ToOpen(NatOptions options) => net =>
    {
        var nat = net.AddNat("91.0.0.1", options);
        return (nat.AddHost("192.168.1.2"), net.AddHost("92.0.0.1"), [nat]);
    };
}

/// <summary>Puts a dialler and a listener somewhere; the NATs are those that may restart.</summary>
internal delegate (SimulatedHost Dialler, SimulatedHost Listener, SimulatedNat[] Nats) Places(SimulatedNetwork network);

/// <summary>A row of the table.</summary>
/// <param name="Name">What the NATs do.</param>
/// <param name="Places">Where the peers are.</param>
/// <param name="Path">The path the connection must find; null for none.</param>
/// <param name="Lives">Whether the connection must outlive the silence; if not, it must end, and a second dial find the peer again.</param>
/// <param name="IsRestarted">Whether the NATs forget everything in the middle.</param>
internal sealed record NatLife(string Name, Places Places, PeerPath? Path, bool Lives = true, bool IsRestarted = false);
