namespace PeopleSwarm.Noise.Crypto;

/// <summary>The authenticated cipher of a handshake: 32-byte keys, 16-byte tags. Safe on any thread.</summary>
/// <remarks>Noise Protocol Framework, revision 34, section 4.2.</remarks>
internal interface ICipher
{
    /// <summary>Its part of the protocol name.</summary>
    string Name { get; }

    /// <summary>Encrypts; <paramref name="ciphertext"/> is 16 bytes longer than <paramref name="plaintext"/>.</summary>
    void Seal(ReadOnlySpan<byte> key, uint counter, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> plaintext, Span<byte> ciphertext);

    /// <summary>Decrypts; false if it was not sealed so.</summary>
    bool TryOpen(ReadOnlySpan<byte> key, uint counter, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> ciphertext, Span<byte> plaintext);
}
