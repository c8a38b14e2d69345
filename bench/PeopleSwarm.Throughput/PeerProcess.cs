using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace PeopleSwarm.Throughput;

/// <summary>A peer of either kind as a child process: a JSON object a line, events out, commands in.</summary>
internal sealed class PeerProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly string _name;

    private PeerProcess(string name, Process process) => (_name, _process) = (name, process);

    /// <summary>This program again, in the role <paramref name="role"/>.</summary>
    public static PeerProcess StartOurs(string role, JsonObject args) =>
        Start($"ours {role}", Environment.ProcessPath!, [.. OwnPrefix(), "peer", role, args.ToJsonString()]);

    /// <summary>A script of <c>tests/npm/bench</c>.</summary>
    public static PeerProcess StartNpm(string script, JsonObject args) =>
        Start($"npm {script}", "node", ["--expose-gc", Path.Combine(NpmFolder, "bench", script), args.ToJsonString()]);

    /// <summary>The folder that holds the pinned npm peers.</summary>
    public static string NpmFolder { get; } = FindNpmFolder();

    /// <summary>The next event with this name; other events are skipped.</summary>
    public async Task<JsonElement> ReadAsync(string name, CancellationToken cancellationToken)
    {
        while (await _process.StandardOutput.ReadLineAsync(cancellationToken) is { } line)
        {
            using var document = JsonDocument.Parse(line);
            if (document.RootElement.GetProperty("event").GetString() == name) return document.RootElement.Clone();
        }
        throw new InvalidOperationException($"The peer '{_name}' ended before it told '{name}'; see its errors above.");
    }

    public async Task SendAsync(JsonObject command)
    {
        await _process.StandardInput.WriteLineAsync(command.ToJsonString());
        await _process.StandardInput.FlushAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited) _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private static PeerProcess Start(string name, string file, string[] arguments)
    {
        var start = new ProcessStartInfo(file) { RedirectStandardInput = true, RedirectStandardOutput = true };
        foreach (string argument in arguments) start.ArgumentList.Add(argument);
        return new(name, Process.Start(start)!);
    }

    private static string[] OwnPrefix() =>
        Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? [typeof(PeerProcess).Assembly.Location] : [];

    private static string FindNpmFolder()
    {
        for (string? folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            string npm = Path.Combine(folder, "tests", "npm");
            if (File.Exists(Path.Combine(npm, "package.json"))) return npm;
        }
        throw new InvalidOperationException("Run the benchmark from a checkout: it needs tests/npm.");
    }
}
