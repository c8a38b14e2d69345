namespace PeopleSwarm.Lab;

/// <summary>The table the lab is held against: paths that may be found, none where only a relay helps, and the milliseconds allowed.</summary>
internal static class LabExpectation
{
    private const double Quick = 2000; // tens of ms on an idle machine

    public static (string[] Paths, double Milliseconds) Of(string from, string to, string dialler, string listener)
    {
        if (LetsIn(from) || LetsIn(to)) // npm does not always know in time that strangers reach it, and then punches
            return (dialler == "npm" || listener == "npm" ? ["Direct", "Punched"] : ["Direct"], Quick);
        if (from == "symmetric" && to == "symmetric") return ([], 15_000);
        if (from != "symmetric" && to != "symmetric") return (["Punched"], Quick);
        // A port is guessed: ours tries a thousand in the first second, npm fifty.
        bool ourGuess = from == "symmetric" ? listener == "ours" : dialler == "ours";
        return (["Punched"], ourGuess ? 16_000 : 38_000);
    }

    private static bool LetsIn(string kind) => kind is "open" or "cone";
}
