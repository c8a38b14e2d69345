namespace PeopleSwarm.Cli.Doctor;

/// <summary>How several nodes see one socket of ours.</summary>
/// <param name="SeenBy">Our address as each of them sees it.</param>
/// <param name="ReachableAt">Where strangers reach us; null if they do not.</param>
/// <param name="Own">The addresses of our interfaces.</param>
internal sealed record NatView(IReadOnlyDictionary<UdpEndPoint, UdpEndPoint> SeenBy, UdpEndPoint? ReachableAt, IReadOnlyList<UdpEndPoint> Own)
{
    private const int Enough = 3;

    /// <summary>What kind of NAT stands between us and the network.</summary>
    public Finding Judge()
    {
        UdpEndPoint[] seen = [.. SeenBy.Values.Distinct()];
        if (ReachableAt is { } open) return new("nat", Verdict.Good, "open", $"open: strangers reach us at {open}");
        if (SeenBy.Count < Enough) return new("nat", Verdict.Note, "unknown", $"not known: {SeenBy.Count} nodes told how they see us, {Enough} are needed");
        if (seen.Length == 1)
        {
            return Own.Any(address => address.HasSameAddress(seen[0]))
                ? new("nat", Verdict.Good, "firewall", $"none, but a firewall: all see us at {seen[0]}, and strangers do not reach us; holes can be punched")
                : new("nat", Verdict.Good, "consistent", $"consistent: one port for all destinations, {seen[0]}; holes can be punched");
        }
        if (seen.DistinctBy(address => address.WithPort(0)).Count() > 1)
            return new("nat", Verdict.Bad, "pool", $"several public addresses at once: {string.Join(", ", seen)}; holes are hard to punch");
        return new("nat", Verdict.Note, "random",
            $"random: {seen.Length} ports for {SeenBy.Count} destinations at {seen[0].HostText}; punched only towards peers whose NAT is consistent");
    }

    /// <summary>Whether the mappings are still those of an earlier look.</summary>
    public Finding Compare(NatView earlier, TimeSpan after)
    {
        int moved = SeenBy.Count(now => earlier.SeenBy.TryGetValue(now.Key, out var then) && then != now.Value);
        int compared = SeenBy.Keys.Count(earlier.SeenBy.ContainsKey);
        string seconds = $"{after.TotalSeconds:F0} s";
        if (compared == 0) return new("drift", Verdict.Note, "unknown", $"not known: nobody who saw us before answered after {seconds}");
        return moved == 0
            ? new("drift", Verdict.Good, "steady", $"mappings are the same after {seconds}")
            : new("drift", Verdict.Note, "drifting", $"{moved} of {compared} mappings moved within {seconds}; we announce ourselves again each time");
    }
}
