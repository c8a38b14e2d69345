using System.Security.Cryptography;

namespace PeopleSwarm.Noise.Crypto;

/// <summary>Which libraries compute, of those that are wanted and that this machine has; BouncyCastle where neither does.</summary>
/// <param name="platform">Whether the platform's ChaCha20-Poly1305 is wanted.</param>
/// <param name="native">Whether libsodium is wanted.</param>
internal readonly struct CryptoLibraries(bool platform, bool native)
{
    public static CryptoLibraries Of(NoiseOptions options) => new(options.UsePlatformCipher, options.UseNativeLibrary);

    public bool Platform { get; } = platform && ChaCha20Poly1305.IsSupported;

    public bool Sodium { get; } = native && Libsodium.IsAvailable;
}
