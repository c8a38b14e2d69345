using System.Diagnostics;
using System.Text;
using System.Text.Json;

namespace PeopleSwarm.Interop.Harness;

/// <summary>
/// A script of <c>tests/npm</c> as a child process. It tells events and takes commands, a JSON object a line;
/// <c>tests/npm/harness/peer.js</c> is its side. Disposing it kills the process with its children.
/// </summary>
public sealed class NodePeer : IAsyncDisposable
{
    /// <summary>How long reads wait where a call names no limit.</summary>
    public static readonly TimeSpan DefaultTimeout = TimeSpan.FromMinutes(1);

    private const int MaxErrorLines = 200;
    private readonly Process _process;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Queue<JsonElement>> _events = [];
    private readonly Queue<string> _errorLines = new();
    private readonly Task _reading, _readingErrors;
    private TaskCompletionSource _changed = NewSignal();
    private bool _ended;

    private NodePeer(string script, Process process)
    {
        (Script, _process) = (script, process);
        _reading = ReadEventsAsync();
        _readingErrors = ReadErrorsAsync();
    }

    /// <summary>The script, relative to <c>tests/npm</c>.</summary>
    public string Script { get; }

    /// <summary>The process id.</summary>
    public int ProcessId => _process.Id;

    /// <summary>Whether the process has ended.</summary>
    public bool HasExited => _process.HasExited;

    /// <summary>What the script wrote to stderr, its last 200 lines.</summary>
    public string Errors
    {
        get
        {
            lock (_lock) return string.Join('\n', _errorLines);
        }
    }

    /// <summary>Starts <paramref name="script"/>, for example <c>udx/echo.js</c>; skips the running test where Node.js is missing.</summary>
    /// <param name="script">Path below <c>tests/npm</c>.</param>
    /// <param name="args">Becomes <c>args</c> in the script; property names go over as they are.</param>
    public static NodePeer Start(string script, object? args = null)
    {
        Npm.EnsureInstalled();
        string path = Path.Combine(Npm.Folder, script);
        if (!File.Exists(path)) throw new FileNotFoundException($"There is no script {path}.", path);
        return StartProgram(script, "node", path, JsonSerializer.Serialize(args ?? new object()));
    }

    /// <summary>Starts any program that keeps to the same lines.</summary>
    public static NodePeer StartProgram(string name, string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program)
        {
            WorkingDirectory = Npm.Folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardInputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false),
            StandardOutputEncoding = Encoding.UTF8,
            StandardErrorEncoding = Encoding.UTF8,
        };
        foreach (string argument in arguments) start.ArgumentList.Add(argument);
        return new NodePeer(name, Process.Start(start)!);
    }

    /// <summary>Starts a script and waits for its event <c>ready</c>, which comes back beside it.</summary>
    public static async Task<(NodePeer Peer, JsonElement Ready)> StartReadyAsync(string script, object? args = null, TimeSpan? timeout = null)
    {
        var peer = Start(script, args);
        try
        {
            return (peer, await peer.ReadAsync("ready", timeout));
        }
        catch
        {
            await peer.DisposeAsync();
            throw;
        }
    }

    /// <summary>Sends a command, an object with a property <c>command</c>.</summary>
    public void Send(object command)
    {
        string line = JsonSerializer.Serialize(command);
        lock (_process)
        {
            _process.StandardInput.Write(line + "\n");
            _process.StandardInput.Flush();
        }
    }

    /// <summary>The next event of that name; events of other names wait for their own readers.</summary>
    /// <exception cref="NodePeerException">It did not come in time, or the script ended; the message has its stderr.</exception>
    public async Task<JsonElement> ReadAsync(string name, TimeSpan? timeout = null)
    {
        var limit = timeout ?? DefaultTimeout;
        var cancellationToken = TestContext.Current.CancellationToken;
        long started = Stopwatch.GetTimestamp();
        while (true)
        {
            Task changed;
            bool ended;
            lock (_lock)
            {
                if (_events.TryGetValue(name, out var queue) && queue.TryDequeue(out var value)) return value;
                (changed, ended) = (_changed.Task, _ended);
            }
            if (ended)
            {
                await _readingErrors.WaitAsync(TimeSpan.FromSeconds(5), cancellationToken);
                throw Failure($"ended before event '{name}'");
            }
            var left = limit - Stopwatch.GetElapsedTime(started);
            if (left <= TimeSpan.Zero) throw Failure($"did not tell '{name}' within {limit.TotalSeconds:0.#} s");
            await Task.WhenAny(changed, Task.Delay(left, cancellationToken));
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Takes an event of that name if one is there already.</summary>
    public bool TryRead(string name, out JsonElement value)
    {
        lock (_lock)
        {
            value = default;
            return _events.TryGetValue(name, out var queue) && queue.TryDequeue(out value);
        }
    }

    /// <summary>Waits for the script to end by itself and returns its exit code.</summary>
    /// <exception cref="NodePeerException">It still runs after <paramref name="timeout"/>.</exception>
    public async Task<int> WaitForExitAsync(TimeSpan? timeout = null)
    {
        var limit = timeout ?? DefaultTimeout;
        var cancellationToken = TestContext.Current.CancellationToken;
        try
        {
            await _process.WaitForExitAsync(cancellationToken).WaitAsync(limit, cancellationToken);
        }
        catch (TimeoutException)
        {
            throw Failure($"still runs after {limit.TotalSeconds:0.#} s");
        }
        return _process.ExitCode;
    }

    /// <summary>Kills the process at once, as a crash would.</summary>
    public void Kill()
    {
        try
        {
            _process.Kill(entireProcessTree: true);
        }
        catch (InvalidOperationException)
        {
            // It had ended already.
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        Kill();
        await Task.WhenAny(Task.WhenAll(_process.WaitForExitAsync(), _reading, _readingErrors), Task.Delay(TimeSpan.FromSeconds(5)));
        _process.Dispose();
    }

    private async Task ReadEventsAsync()
    {
        await Task.Yield();
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
        {
            if (line.Length == 0) continue;
            JsonElement value;
            string name;
            try
            {
                value = JsonElement.Parse(line);
                name = value.GetProperty("event").GetString()!;
            }
            catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
            {
                AddErrorLine($"(stdout, not an event) {line}");
                continue;
            }
            lock (_lock)
            {
                if (!_events.TryGetValue(name, out var queue)) _events.Add(name, queue = new());
                queue.Enqueue(value);
                Signal();
            }
        }
        lock (_lock)
        {
            _ended = true;
            Signal();
        }
    }

    private async Task ReadErrorsAsync()
    {
        await Task.Yield();
        while (await _process.StandardError.ReadLineAsync() is { } line) AddErrorLine(line);
    }

    private void AddErrorLine(string line)
    {
        lock (_lock)
        {
            if (_errorLines.Count == MaxErrorLines) _errorLines.Dequeue();
            _errorLines.Enqueue(line);
        }
    }

    private void Signal()
    {
        var changed = _changed;
        _changed = NewSignal();
        changed.SetResult();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private NodePeerException Failure(string what)
    {
        lock (_lock)
        {
            string unread = string.Join(", ", _events.Where(e => e.Value.Count > 0).Select(e => $"{e.Value.Count} × '{e.Key}' (next: {e.Value.Peek()})"));
            return new($"{Script} {what}. Events not read: {(unread.Length == 0 ? "none" : unread)}. Its stderr:\n{string.Join('\n', _errorLines)}");
        }
    }
}

/// <summary>A script did not do what a test waited for.</summary>
public sealed class NodePeerException(string message) : Exception(message);
