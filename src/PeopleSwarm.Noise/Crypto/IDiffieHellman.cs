namespace PeopleSwarm.Noise.Crypto;

/// <summary>The key agreement of a handshake: 32-byte public keys and shared secrets. Safe on any thread.</summary>
/// <remarks>Noise Protocol Framework, revision 34, section 4.1; spec: noise-and-secretstream, 2.</remarks>
internal interface IDiffieHellman
{
    /// <summary>Its part of the protocol name.</summary>
    string Name { get; }

    /// <summary>A fresh key pair from 32 random bytes.</summary>
    KeyPair GenerateKeyPair(IRandomSource random);

    /// <summary>A peer's key as it was received, not validated yet.</summary>
    IAgreementKey Import(PublicKey remote);
}

/// <summary>A peer's public key. Safe on any thread.</summary>
internal interface IAgreementKey
{
    /// <summary>Whether it may be used. An agreement sees to that itself.</summary>
    bool IsValid { get; }

    /// <summary>The 32-byte secret shared with the owner of this key; false if the key must not be used or the local one gives none.</summary>
    bool TryAgree(KeyPair local, Span<byte> shared);
}
