using PeopleSwarm.Noise.Crypto;

namespace PeopleSwarm;

/// <summary>Ways to make a <see cref="KeyPair"/>.</summary>
public static class KeyPairExtensions
{
    private static readonly SystemRandomSource s_random = new();
    private static readonly Ed25519Agreement s_agreement = new(ManagedEdwards25519.Instance);

    extension(KeyPair)
    {
        /// <summary>The key pair of a 32-byte seed: the same seed gives the same identity.</summary>
        /// <exception cref="ArgumentException"><paramref name="seed"/> is not 32 bytes.</exception>
        public static KeyPair FromSeed(ReadOnlySpan<byte> seed) => s_agreement.CreateKeyPair(seed);

        /// <summary>A new random key pair.</summary>
        public static KeyPair Generate() => s_agreement.GenerateKeyPair(s_random);
    }
}
