namespace PeopleSwarm.Throughput;

/// <summary>What a result is held against.</summary>
internal enum Yardstick
{
    /// <summary>The npm pair of the same case: times as good.</summary>
    Npm,

    /// <summary>Our pair of the case <c>raw</c>: a share of it.</summary>
    OneStream,

    /// <summary>Nothing: the number itself.</summary>
    Itself,
}

/// <summary>A number of a case that counts, and how far it should go.</summary>
/// <param name="What">Its name in the table.</param>
/// <param name="Of">Takes it from a measurement.</param>
/// <param name="Unit">How it is written: a format of one number.</param>
/// <param name="Reach">What is to be reached, as text.</param>
/// <param name="Aim">What is aimed at, as text.</param>
/// <param name="Against">What it is held against.</param>
/// <param name="LessIsBetter">Whether small is good.</param>
/// <param name="Dialler">Who dials in the pair that is judged.</param>
/// <param name="Listener">Who listens in it.</param>
internal sealed record Goal(string What, Func<Measurement, double> Of, string Unit, string Reach, string Aim, Yardstick Against = Yardstick.Npm,
    bool LessIsBetter = false, Side Dialler = Side.Ours, Side Listener = Side.Ours)
{
    /// <summary>How many times as good a measurement is as another.</summary>
    public double Ratio(Measurement ours, Measurement other) => LessIsBetter ? Of(other) / Of(ours) : Of(ours) / Of(other);
}
