using Microsoft.Extensions.Options;
using PeopleSwarm.Noise.Crypto;
using PeopleSwarm.Noise.Protocol;

namespace PeopleSwarm.Noise;

/// <summary>Makes handshakes of the suite Ed25519, ChaChaPoly, BLAKE2b.</summary>
internal sealed class HandshakeFactory : IHandshakeFactory, IDisposable
{
    private readonly HandshakeSuite _suite;

    public HandshakeFactory(IOptions<NoiseOptions> options, IRandomSource random)
    {
        var settings = options.Value;
        var libraries = CryptoLibraries.Of(settings);
        var agreement = new Ed25519Agreement(IEdwards25519.Of(libraries));
        _suite = new(agreement, new ChaChaPoly(libraries), static () => new Blake2b(), random, new(agreement, settings.MaxKnownKeys));
    }

    public IHandshake Create(HandshakePattern pattern, HandshakeRole role, KeyPair local, PublicKey? remote = null, ReadOnlySpan<byte> prologue = default)
    {
        ArgumentNullException.ThrowIfNull(local);
        if (!local.HasSecretKey) throw new ArgumentException("A handshake needs the secret key of the local key pair.", nameof(local));
        if (!Enum.IsDefined(role)) throw new ArgumentOutOfRangeException(nameof(role), role, "Not a role.");
        return new HandshakeState(_suite, pattern, role, local, remote, prologue);
    }

    public void Dispose() => _suite.StaticKeys.Dispose();
}
