using System.Security.Cryptography;
using System.Text;

[assembly: AssemblyFixture(typeof(PeopleSwarm.OneProgramAtATime))]

namespace PeopleSwarm;

/// <summary>
/// Lets the test programs of one working copy run after each other: <c>dotnet test</c> starts several at once, and has no
/// setting in a file against it, but tests that watch the clock would starve each other on a small machine.
/// </summary>
public sealed class OneProgramAtATime : IAsyncLifetime
{
    private FileStream? _lock;

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        string path = Path.Combine(Path.GetTempPath(), $"peopleswarm-tests-{Hash(WorkingCopy())}.lock");
        while (_lock is null)
            try
            {
                _lock = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                await Task.Delay(100);
            }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _lock?.DisposeAsync() ?? ValueTask.CompletedTask;

    private static string WorkingCopy()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "PeopleSwarm.sln"))) return folder.FullName;
        return AppContext.BaseDirectory;
    }

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..16];
}
