using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace PeopleSwarm.Interop.Harness;

/// <summary>Node.js, and the npm peers pinned by <c>tests/npm/package-lock.json</c>.</summary>
public static class Npm
{
    private static readonly Lazy<string?> s_nodeVersion = new(FindNodeVersion);
    private static readonly Lazy<bool> s_installed = new(Install);

    /// <summary>The folder <c>tests/npm</c> of this repository.</summary>
    public static string Folder { get; } = FindFolder();

    /// <summary>Whether Node.js is on the path.</summary>
    public static bool HasNode => s_nodeVersion.Value is not null;

    /// <summary>Skips the running test where Node.js is missing.</summary>
    public static void RequireNode() => Assert.SkipUnless(HasNode, "Node.js is not on the path; the tests against the npm peers need it (version 18 or later).");

    /// <summary>Installs the pinned peers once if they are not there; skips the running test where Node.js is missing.</summary>
    /// <exception cref="InvalidOperationException"><c>npm ci</c> failed; the message has its output.</exception>
    public static void EnsureInstalled()
    {
        RequireNode();
        _ = s_installed.Value;
    }

    private static bool Install()
    {
        // Test programs may run side by side, so the lock is a file.
        using var installing = WaitForLock(Path.Combine(Folder, ".install.lock"), TimeSpan.FromMinutes(6));
        if (File.Exists(Path.Combine(Folder, "node_modules", ".package-lock.json"))) return true; // npm writes it last

        bool windows = OperatingSystem.IsWindows();
        var start = new ProcessStartInfo(windows ? "cmd.exe" : "npm") { WorkingDirectory = Folder, RedirectStandardOutput = true, RedirectStandardError = true };
        string[] arguments = windows ? ["/c", "npm", "ci", "--no-audit", "--no-fund"] : ["ci", "--no-audit", "--no-fund"];
        foreach (string argument in arguments) start.ArgumentList.Add(argument);
        using var npm = Process.Start(start)!;
        var output = npm.StandardOutput.ReadToEndAsync();
        var errors = npm.StandardError.ReadToEndAsync();
        if (!npm.WaitForExit(TimeSpan.FromMinutes(5)))
        {
            npm.Kill(entireProcessTree: true);
            throw new InvalidOperationException($"'npm ci' in {Folder} did not end within 5 minutes.");
        }
        if (npm.ExitCode != 0)
            throw new InvalidOperationException($"'npm ci' in {Folder} ended with code {npm.ExitCode}:\n{output.Result}\n{errors.Result}");
        return true;
    }

    private static FileStream WaitForLock(string path, TimeSpan limit)
    {
        long started = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException && Stopwatch.GetElapsedTime(started) < limit)
            {
                Thread.Sleep(200);
            }
        }
    }

    private static string? FindNodeVersion()
    {
        try
        {
            using var node = Process.Start(new ProcessStartInfo("node", "--version") { RedirectStandardOutput = true, RedirectStandardError = true })!;
            string version = node.StandardOutput.ReadToEnd().Trim();
            node.WaitForExit();
            return node.ExitCode == 0 ? version : null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }

    private static string FindFolder([CallerFilePath] string source = "")
    {
        // The source path is mapped away in deterministic builds; the output folder then leads there.
        foreach (string? start in new[] { Path.GetDirectoryName(source), AppContext.BaseDirectory })
            for (var folder = string.IsNullOrEmpty(start) ? null : new DirectoryInfo(start); folder is not null; folder = folder.Parent)
            {
                string npm = Path.Combine(folder.FullName, "tests", "npm");
                if (File.Exists(Path.Combine(npm, "package-lock.json"))) return npm;
            }
        throw new DirectoryNotFoundException("tests/npm/package-lock.json was found neither above the sources nor above the test program.");
    }
}
