namespace PeopleSwarm.Noise.Crypto;

/// <summary>Whose ciphers are used; managed ones where neither.</summary>
/// <param name="Platform">Whether the platform's are used where it has them.</param>
/// <param name="Native">Whether libsodium's are used where it loads.</param>
internal readonly record struct CipherCode(bool Platform, bool Native)
{
    public static CipherCode Of(NoiseOptions options) => new(options.UsePlatformCipher, options.UseNativeLibrary);
}
