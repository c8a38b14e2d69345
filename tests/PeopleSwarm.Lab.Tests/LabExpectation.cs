namespace PeopleSwarm.Lab;

/// <summary>What is asked of a pair: the paths a stream may begin on, and the ones it may end on; milliseconds to the first and to the last.</summary>
internal sealed record LabExpectation(string[] First, double Milliseconds, string[] Final, double MovedMilliseconds)
{
    private const double Quick = 2000; // tens of ms on an idle machine
    private const string Direct = nameof(PeerPath.Direct), Punched = nameof(PeerPath.Punched), Relayed = nameof(PeerPath.Relayed), Symmetric = "symmetric";

    /// <summary>The table the lab is held against. One relay offers itself; npm peers know of it only what ours name.</summary>
    public static LabExpectation Of(string from, string to, string dialler, string listener)
    {
        bool withNpm = dialler == "npm" || listener == "npm";
        if (LetsIn(from) || LetsIn(to)) return On(withNpm ? [Direct, Punched] : [Direct]); // npm does not always know in time that strangers reach it, and then punches
        if (from == Symmetric && to == Symmetric) return On([Relayed]);
        if (from != Symmetric && to != Symmetric) return On([Punched]);
        // A port is guessed: ours tries a thousand in the first second, npm fifty. Where ours has the symmetric NAT it names the relay for the time until then.
        bool ourGuess = from == Symmetric ? listener == "ours" : dialler == "ours";
        bool isRelayed = (from == Symmetric ? dialler : listener) == "ours";
        double guessed = ourGuess ? 16_000 : 38_000;
        return new([Relayed, Punched], isRelayed ? Quick : guessed, [Punched], guessed);
    }

    public bool Fits(LabResult result) => First.Contains(result.First) && result.Milliseconds <= Milliseconds
        && Final.Contains(result.Final) && result.Milliseconds + result.MovedAfter <= MovedMilliseconds;

    public override string ToString() => $"{string.Join(" or ", First)} in {Milliseconds} ms, then {string.Join(" or ", Final)} in {MovedMilliseconds} ms";

    private static LabExpectation On(string[] paths) => new(paths, Quick, paths, Quick);

    private static bool LetsIn(string kind) => kind is "open" or "cone";
}
