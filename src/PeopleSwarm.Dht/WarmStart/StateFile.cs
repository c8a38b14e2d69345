using System.Text;
using Microsoft.Extensions.Logging;

namespace PeopleSwarm.Dht.WarmStart;

/// <summary>Keeps a node's state in a file. A file that cannot be read or written costs the node its memory and nothing else.</summary>
internal sealed class StateFile(string path, ILogger logger)
{
    private readonly Lock _writing = new();

    /// <summary>The state of <paramref name="network"/>; null if there is none, it is of another network, or not whole.</summary>
    public NodeState? Read(NodeId network)
    {
        try
        {
            if (new FileInfo(path) is { Exists: true, Length: > NodeState.MaxSize }) StateLog.Unreadable(logger, null, path, "it is too long");
            else if (!NodeState.TryParse(File.ReadAllText(path), out var state)) StateLog.Unreadable(logger, null, path, "it is not whole, or of another version");
            else if (state!.Network != network) StateLog.OtherNetwork(logger, path);
            else return state;
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            StateLog.None(logger, path);
        }
        catch (Exception error) when (IsOfFiles(error))
        {
            StateLog.Unreadable(logger, error, path, error.Message);
        }
        return null;
    }

    /// <summary>Puts the state in place of the old one; whoever reads meanwhile gets one of both, whole.</summary>
    public void Write(NodeState state)
    {
        string next = path + ".new";
        try
        {
            lock (_writing)
            {
                if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } directory) Directory.CreateDirectory(directory);
                var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, Share = FileShare.None };
                if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite; // it tells whom we know
                using (var file = new FileStream(next, options))
                {
                    file.Write(Encoding.UTF8.GetBytes(state.ToString()));
                    file.Flush(flushToDisk: true);
                }
                File.Move(next, path, overwrite: true);
            }
        }
        catch (Exception error) when (IsOfFiles(error))
        {
            StateLog.NotWritten(logger, error, path);
        }
    }

    private static bool IsOfFiles(Exception error) => error is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException;
}

internal static partial class StateLog // event ids 3300+
{
    [LoggerMessage(3300, LogLevel.Debug, "No state file {Path} yet")]
    public static partial void None(ILogger logger, string path);

    [LoggerMessage(3301, LogLevel.Warning, "State file {Path} is ignored: {Reason}")]
    public static partial void Unreadable(ILogger logger, Exception? error, string path, string reason);

    [LoggerMessage(3302, LogLevel.Warning, "State file {Path} is ignored: it belongs to a network of other bootstrap nodes")]
    public static partial void OtherNetwork(ILogger logger, string path);

    [LoggerMessage(3303, LogLevel.Warning, "State file {Path} could not be written")]
    public static partial void NotWritten(ILogger logger, Exception error, string path);

    [LoggerMessage(3304, LogLevel.Information, "Begins with {Nodes} nodes and {Peers} peers known from before")]
    public static partial void Loaded(ILogger logger, int nodes, int peers);
}
