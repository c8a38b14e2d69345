using System.Diagnostics;
using System.Text.Json;

namespace PeopleSwarm.Cli;

/// <summary>The tool as a user starts it. Disposing it kills the process.</summary>
internal sealed class CliProcess : IAsyncDisposable
{
    public static readonly TimeSpan DefaultTimeout = TimeSpan.FromMinutes(1);

    private static readonly string s_tool = Path.Combine(AppContext.BaseDirectory, "peopleswarm.dll");
    // A shell starts what runs in its background so, and the tool would inherit it.
    private static readonly bool s_ignoresInterrupts = OperatingSystem.IsLinux() && File.ReadLines("/proc/self/status")
        .Any(line => line.StartsWith("SigIgn:", StringComparison.Ordinal) && (Convert.ToUInt64(line[7..].Trim(), 16) & 1 << 2 - 1) != 0);

    private readonly Process _process;
    private LineLog? _output;

    private CliProcess(string[] arguments, Process process)
    {
        (Arguments, _process) = (arguments, process);
        Errors = new(process.StandardError, ToString);
    }

    public string[] Arguments { get; }

    /// <summary>Standard input, as bytes.</summary>
    public Stream Input => _process.StandardInput.BaseStream;

    /// <summary>Standard error, as lines.</summary>
    public LineLog Errors { get; }

    /// <summary>Standard output as lines; not together with <see cref="ReadBytesAsync"/>.</summary>
    public LineLog Output => _output ??= new(_process.StandardOutput, ToString);

    public static CliProcess Start(params string[] arguments) => StartBy([], arguments);

    /// <summary>Starts the tool by another program, which gets the tool's command line after its own arguments.</summary>
    public static CliProcess StartBy(string[] starter, params string[] arguments)
    {
        string dotnet = Environment.ProcessPath is { } host && Path.GetFileNameWithoutExtension(host) == "dotnet" ? host : "dotnet";
        string[] signals = s_ignoresInterrupts ? ["env", "--default-signal=INT"] : [];
        string[] command = [.. starter, .. signals, dotnet, "exec", s_tool, .. arguments];
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        return new(arguments, Process.Start(start)!);
    }

    /// <summary>Runs a command without input to its end.</summary>
    public static async Task<(int Code, string Output, string Errors)> RunAsync(params string[] arguments)
    {
        await using var process = Start(arguments);
        process.Input.Close();
        var output = await process.Output.ReadToEndAsync();
        var errors = await process.Errors.ReadToEndAsync();
        return (await process.WaitForExitAsync(), string.Join('\n', output), string.Join('\n', errors));
    }

    /// <summary>All of standard output to its end.</summary>
    public async Task<byte[]> ReadBytesAsync(TimeSpan? timeout = null)
    {
        var bytes = new MemoryStream();
        await _process.StandardOutput.BaseStream.CopyToAsync(bytes).WaitAsync(timeout ?? DefaultTimeout);
        return bytes.ToArray();
    }

    public async Task WriteLineAsync(string line)
    {
        await _process.StandardInput.WriteAsync(line + "\n");
        await _process.StandardInput.FlushAsync();
    }

    public async Task<int> WaitForExitAsync(TimeSpan? timeout = null)
    {
        var limit = timeout ?? DefaultTimeout;
        try
        {
            await _process.WaitForExitAsync().WaitAsync(limit, TestContext.Current.CancellationToken);
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"{this} still runs after {limit.TotalSeconds} s.\n{Errors}");
        }
        return _process.ExitCode;
    }

    /// <summary>Sends <c>INT</c>, as Ctrl-C does, or <c>TERM</c>.</summary>
    public async Task SignalAsync(string signal)
    {
        using var kill = Process.Start("kill", ["-s", signal, $"{_process.Id}"]);
        await kill.WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            _process.Kill(entireProcessTree: true);
        }
        catch (InvalidOperationException)
        {
            // It had ended already.
        }
        await Task.WhenAny(_process.WaitForExitAsync(), Task.Delay(TimeSpan.FromSeconds(5)));
        _process.Dispose();
    }

    public override string ToString() => $"'peopleswarm {string.Join(' ', Arguments)}'";
}

/// <summary>The lines of a stream as they come; all of them are kept for the message of a failure.</summary>
internal sealed class LineLog
{
    private readonly Func<string> _name;
    private readonly List<string> _lines = [];
    private readonly Task _reading;
    private TaskCompletionSource _changed = NewSignal();
    private int _read;

    public LineLog(TextReader reader, Func<string> name)
    {
        _name = name;
        _reading = ReadAsync(reader);
    }

    /// <summary>The next line that <paramref name="wanted"/> takes; those before it are passed over.</summary>
    public async Task<string> ReadLineAsync(Func<string, bool>? wanted = null, TimeSpan? timeout = null)
    {
        var limit = timeout ?? CliProcess.DefaultTimeout;
        long started = Stopwatch.GetTimestamp();
        while (true)
        {
            Task changed;
            lock (_lines)
            {
                while (_read < _lines.Count)
                {
                    string line = _lines[_read++];
                    if (wanted is null || wanted(line)) return line;
                }
                changed = _changed.Task;
            }
            if (_reading.IsCompleted) throw new EndOfStreamException($"{_name()} ended without the line. It wrote:\n{this}");
            var left = limit - Stopwatch.GetElapsedTime(started);
            if (left <= TimeSpan.Zero) throw new TimeoutException($"{_name()} did not write the line within {limit.TotalSeconds} s. It wrote:\n{this}");
            await Task.WhenAny(changed, Task.Delay(left, TestContext.Current.CancellationToken));
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
        }
    }

    /// <summary>The next event of that name, perhaps among lines of the log.</summary>
    public async Task<JsonElement> ReadEventAsync(string name, TimeSpan? timeout = null)
    {
        JsonElement found = default;
        await ReadLineAsync(line => line.StartsWith('{') && (found = JsonElement.Parse(line)).GetProperty("event").GetString() == name, timeout);
        return found;
    }

    public async Task<string[]> ReadToEndAsync(TimeSpan? timeout = null)
    {
        await _reading.WaitAsync(timeout ?? CliProcess.DefaultTimeout, TestContext.Current.CancellationToken);
        lock (_lines) return [.. _lines];
    }

    public override string ToString()
    {
        lock (_lines) return string.Join('\n', _lines);
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private async Task ReadAsync(TextReader reader)
    {
        await Task.Yield();
        while (await reader.ReadLineAsync() is { } line)
            lock (_lines)
            {
                _lines.Add(line);
                Signal();
            }
        lock (_lines) Signal();
    }

    private void Signal()
    {
        var changed = _changed;
        _changed = NewSignal();
        changed.SetResult();
    }
}
