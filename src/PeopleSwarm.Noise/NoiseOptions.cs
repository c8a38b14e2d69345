using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace PeopleSwarm;

/// <summary>How handshakes and secret channels work.</summary>
public sealed class NoiseOptions
{
    /// <summary>Use the platform's ChaCha20-Poly1305 where it has one, about six times as fast as the managed one. Default true.</summary>
    public bool UsePlatformCipher { get; set; } = true;

    /// <summary>
    /// Use libsodium where it loads: the package brings it for the usual platforms. A handshake takes little more than half the time it takes
    /// managed code, and a small message a third. Default true.
    /// </summary>
    public bool UseNativeLibrary { get; set; } = true;

    /// <summary>Time a handshake over a byte stream may take, 100 ms to 10 min. Default 20 s.</summary>
    public TimeSpan HandshakeTimeout { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>Bytes a pipe write puts into one message at most, 1,024 to 65,472; a multiple of 16. Default 65,472.</summary>
    [Range(1024, MaxFramePayload)]
    public int FramePayload { get; set; } = MaxFramePayload;

    /// <summary>
    /// Public keys of peers that are kept, each with the secret it shares with our own key, in less than 2 KB: a handshake with a peer met
    /// lately takes a quarter less time. The one unused for longest goes first; 0 keeps none. Default 128.
    /// </summary>
    [Range(0, 65_536)]
    public int MaxKnownKeys { get; set; } = 128;

    internal const int MaxFramePayload = 65_472; // with the 64 bytes in front of it, one 64 KiB buffer
}

[OptionsValidator]
internal sealed partial class NoiseOptionsValidator : IValidateOptions<NoiseOptions>;
