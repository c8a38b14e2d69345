namespace PeopleSwarm.Noise.Crypto;

/// <summary>The key agreement of a handshake: 32-byte public keys and shared secrets. Safe on any thread.</summary>
/// <remarks>Noise Protocol Framework, revision 34, section 4.1; spec: noise-and-secretstream, section 2.</remarks>
internal interface IDiffieHellman
{
    /// <summary>Its part of the protocol name.</summary>
    string Name { get; }

    /// <summary>A fresh key pair from 32 random bytes.</summary>
    KeyPair GenerateKeyPair(IRandomSource random);

    /// <summary>Validates a peer's key, which is the costly part of trusting it; null if it must not be used.</summary>
    IAgreementKey? Validate(PublicKey remote);
}

/// <summary>A peer's validated public key.</summary>
internal interface IAgreementKey
{
    /// <summary>The key as it was received.</summary>
    PublicKey PublicKey { get; }

    /// <summary>The 32-byte secret shared with the owner of this key; false if the local key gives none.</summary>
    bool TryAgree(KeyPair local, Span<byte> shared);
}
