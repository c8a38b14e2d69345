namespace PeopleSwarm.Cli.Doctor;

/// <summary>What a finding means for connections.</summary>
internal enum Verdict
{
    /// <summary>As it should be.</summary>
    Good,

    /// <summary>Worth knowing; connections work all the same, perhaps later or by another way.</summary>
    Note,

    /// <summary>Connections fail because of it.</summary>
    Bad,
}

/// <summary>One thing that was examined.</summary>
/// <param name="Check">What, in a word: <c>udp</c>, <c>nat</c>, …</param>
/// <param name="Verdict">What it means.</param>
/// <param name="Value">The result for programs.</param>
/// <param name="Text">The result in words.</param>
/// <param name="Elapsed">How long it took; null where that says nothing.</param>
internal sealed record Finding(string Check, Verdict Verdict, string Value, string Text, TimeSpan? Elapsed = null);

/// <summary>Takes findings and steps as they come.</summary>
internal interface IReport
{
    void Add(Finding finding);

    /// <summary>A step of the connect to the key that was given.</summary>
    void Add(PeerConnectStep step);
}
