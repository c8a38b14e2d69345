namespace PeopleSwarm.Cli;

/// <summary>Tells a person who waits longer than expected what for.</summary>
internal static class Patience
{
    private static readonly TimeSpan s_expected = TimeSpan.FromSeconds(1.5);

    /// <summary>Waits for <paramref name="work"/>; where it takes long, <paramref name="text"/> is told on stderr, null nothing.</summary>
    public static async Task WaitAsync(Task work, string? text)
    {
        if (text is not null && await Task.WhenAny(work, Task.Delay(s_expected)) != work) await Console.Error.WriteLineAsync(text);
        await work;
    }

    /// <summary>The steps of a connect that takes long, as they end.</summary>
    public sealed class Steps : IProgress<PeerConnectStep>
    {
        public void Report(PeerConnectStep value)
        {
            if (value.Elapsed > s_expected) Console.Error.WriteLine($"  after {value.Elapsed.TotalSeconds:F0} s: {value.Text}");
        }
    }
}
