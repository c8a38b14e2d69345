using Microsoft.Extensions.Options;
using PeopleSwarm.Noise.Crypto;
using PeopleSwarm.Noise.Protocol;

namespace PeopleSwarm.Noise;

/// <summary>Makes handshakes of the suite Ed25519, ChaChaPoly, BLAKE2b.</summary>
internal sealed class HandshakeFactory(IOptions<NoiseOptions> options, IRandomSource random) : IHandshakeFactory
{
    private readonly HandshakeSuite _suite = new(Ed25519Agreement.Instance, new ChaChaPoly(options.Value.UsePlatformCipher), Blake2b.Instance, random,
        new(Ed25519Agreement.Instance, options.Value.MaxKnownKeys));

    public IHandshake Create(HandshakePattern pattern, HandshakeRole role, KeyPair local, PublicKey? remote = null, ReadOnlySpan<byte> prologue = default)
    {
        ArgumentNullException.ThrowIfNull(local);
        if (!local.HasSecretKey) throw new ArgumentException("A handshake needs the secret key of the local key pair.", nameof(local));
        if (!Enum.IsDefined(role)) throw new ArgumentOutOfRangeException(nameof(role), role, "Not a role.");
        return new HandshakeState(_suite, pattern, role, local, remote, prologue);
    }
}
