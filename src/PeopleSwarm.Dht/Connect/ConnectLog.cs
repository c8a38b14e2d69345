namespace PeopleSwarm.Dht.Connect;

/// <summary>What a connect tried. Most succeed and nobody asks, so what every connect says is put into words when it is read, or for who follows.</summary>
/// <param name="progress">Who follows; null for nobody.</param>
/// <param name="elapsed">The time since the connect began.</param>
internal sealed class ConnectLog(IProgress<PeerConnectStep>? progress, Func<TimeSpan> elapsed)
{
    private const int MaxLines = 64;

    private readonly List<Func<string>> _lines = [];

    /// <summary>The lines so far.</summary>
    public IReadOnlyList<string> Lines => [.. _lines.Select(line => line())];

    public void Add(string line) => Add(() => line);

    public void Add(Func<string> line)
    {
        if (_lines.Count >= MaxLines) return;
        _lines.Add(line);
        progress?.Report(new(elapsed(), line()));
    }
}
