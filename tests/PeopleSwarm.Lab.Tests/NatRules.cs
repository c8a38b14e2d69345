namespace PeopleSwarm.Lab;

/// <summary>A NAT of the kernel's making.</summary>
/// <param name="Name">As in the grid.</param>
/// <param name="IsRandom">Another outside port for each destination.</param>
/// <param name="LetsIn">Whatever comes from outside is passed on.</param>
internal sealed record NatRules(string Name, bool IsRandom, bool LetsIn)
{
    public static NatRules Cone { get; } = new("cone", IsRandom: false, LetsIn: true);
    public static NatRules Restricted { get; } = new("restricted", IsRandom: false, LetsIn: false);
    public static NatRules Symmetric { get; } = new("symmetric", IsRandom: true, LetsIn: false);

    /// <summary>For <c>nft -f</c>, with devices named <c>lan</c> and <c>wan</c>.</summary>
    public string ToRuleset(string inside)
    {
        string ports = IsRandom ? " fully-random" : "";
        string letIn = LetsIn ? $$"""chain in { type nat hook prerouting priority -100; iifname "wan" meta l4proto udp dnat to {{inside}}; }""" : "";
        string keepOut = LetsIn ? "" : "iifname \"wan\" ct state new drop;";
        return $$"""
            flush ruleset
            table ip nat {
              chain out { type nat hook postrouting priority 100; oifname "wan" masquerade{{ports}}; }
              {{letIn}}
            }
            table ip filter {
              chain input { type filter hook input priority 0; iifname "wan" ct state new drop; }
              chain forward { type filter hook forward priority 0; {{keepOut}} }
            }
            """;
    }
}
