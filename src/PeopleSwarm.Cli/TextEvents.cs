using System.Text;

namespace PeopleSwarm.Cli;

/// <summary>Events for a person: status on stderr, the lines of peers on <paramref name="output"/>.</summary>
/// <param name="output">Where lines go; null where the command has none.</param>
/// <param name="readyText">What is said when others can find us, made from our key.</param>
internal sealed class TextEvents(Stream? output, Func<PublicKey, string> readyText) : IEvents
{
    private readonly Lock _lock = new();
    private readonly bool _terminal = !Console.IsOutputRedirected;

    public void Ready(PublicKey publicKey) => Console.Error.WriteLine(readyText(publicKey));

    public void Connected(IPeerConnection connection) => Console.Error.WriteLine(
        $"+ {connection.RemotePublicKey} {(connection.IsInitiator ? "found" : "came")}");

    public void Path(PublicKey remotePublicKey, PeerPath path) => Console.Error.WriteLine($"  {remotePublicKey} is reached {Describe(path)}");

    public void Received(PublicKey from, byte[] line)
    {
        // A program that reads us gets the peer's bytes; a terminal gets the name, and no control characters of strangers.
        byte[] text = _terminal ? Encoding.UTF8.GetBytes($"{from.ToString()[..8]}: {WithoutControls(line)}\n") : [.. line, (byte)'\n'];
        lock (_lock)
        {
            output?.Write(text);
            output?.Flush();
        }
    }

    public void Closed(PublicKey remotePublicKey, string? error) =>
        Console.Error.WriteLine(error is null ? $"- {remotePublicKey} left" : $"- {remotePublicKey}: {error}");

    public void Failed(Trouble trouble) => Console.Error.WriteLine(trouble);

    private static string Describe(PeerPath path) => path switch
    {
        PeerPath.Lan => "in the local network",
        PeerPath.Punched => "through both NATs",
        PeerPath.Relayed => "through a relay",
        _ => "directly",
    };

    private static string WithoutControls(byte[] line) =>
        string.Concat(Encoding.UTF8.GetString(line).Select(c => char.IsControl(c) && c != '\t' ? '\uFFFD' : c));
}
