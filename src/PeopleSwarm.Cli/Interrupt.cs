namespace PeopleSwarm.Cli;

/// <summary>The end of commands that run until they are told to stop.</summary>
internal static class Interrupt
{
    /// <summary>Completes, without an exception, at Ctrl-C or SIGTERM.</summary>
    public static async Task WaitAsync(CancellationToken cancellation) =>
        await Task.Delay(Timeout.Infinite, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
}
