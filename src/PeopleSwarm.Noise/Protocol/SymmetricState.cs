using System.Security.Cryptography;
using PeopleSwarm.Noise.Crypto;

namespace PeopleSwarm.Noise.Protocol;

/// <summary>The chaining key and the hash of everything said so far.</summary>
/// <remarks>Noise Protocol Framework, revision 34, section 5.2; spec: noise-and-secretstream, 3.2.</remarks>
internal sealed class SymmetricState : IDisposable
{
    private readonly ICipher _cipherAlgorithm;
    private readonly IHash _hashAlgorithm;
    private readonly CipherState _cipher;
    private readonly byte[] _hash, _chainingKey;

    /// <summary>Starts from an ASCII protocol name no longer than a hash.</summary>
    public SymmetricState(ReadOnlySpan<byte> protocolName, ICipher cipher, IHash hash)
        : this(cipher, hash)
    {
        protocolName.CopyTo(_hash);
        _hash.CopyTo(_chainingKey, 0);
    }

    private SymmetricState(ICipher cipher, IHash hash)
    {
        (_cipherAlgorithm, _hashAlgorithm, _cipher) = (cipher, hash, new(cipher));
        _hash = new byte[hash.Size];
        _chainingKey = GC.AllocateArray<byte>(hash.Size, pinned: true);
    }

    public bool HasKey => _cipher.HasKey;

    /// <summary>The transcript hash, borrowed.</summary>
    public ReadOnlySpan<byte> HandshakeHash => _hash;

    /// <summary>The chaining key, borrowed.</summary>
    public ReadOnlySpan<byte> ChainingKey => _chainingKey;

    public void MixHash(ReadOnlySpan<byte> data) => _hashAlgorithm.Hash(_hash, data, _hash);

    public void MixKey(ReadOnlySpan<byte> inputKey)
    {
        Span<byte> key = stackalloc byte[_hashAlgorithm.Size];
        _hashAlgorithm.Hkdf(_chainingKey, inputKey, _chainingKey, key);
        _cipher.InitializeKey(key);
        CryptographicOperations.ZeroMemory(key);
    }

    /// <summary>Encrypts <paramref name="plaintext"/> once there is a key; returns the bytes written.</summary>
    public int EncryptAndHash(ReadOnlySpan<byte> plaintext, Span<byte> ciphertext)
    {
        int length = _cipher.EncryptWithAd(_hash, plaintext, ciphertext);
        MixHash(ciphertext[..length]);
        return length;
    }

    public bool TryDecryptAndHash(ReadOnlySpan<byte> ciphertext, Span<byte> plaintext, out int length)
    {
        if (!_cipher.TryDecryptWithAd(_hash, ciphertext, plaintext, out length)) return false;
        MixHash(ciphertext);
        return true;
    }

    /// <summary>The two 32-byte transport keys: the initiator sends with the first.</summary>
    public void Split(Span<byte> first, Span<byte> second)
    {
        Span<byte> one = stackalloc byte[_hashAlgorithm.Size], two = stackalloc byte[_hashAlgorithm.Size];
        _hashAlgorithm.Hkdf(_chainingKey, [], one, two);
        one[..first.Length].CopyTo(first);
        two[..second.Length].CopyTo(second);
        CryptographicOperations.ZeroMemory(one);
        CryptographicOperations.ZeroMemory(two);
    }

    public SymmetricState Clone()
    {
        var copy = new SymmetricState(_cipherAlgorithm, _hashAlgorithm.CreateAnother());
        _hash.CopyTo(copy._hash, 0);
        _chainingKey.CopyTo(copy._chainingKey, 0);
        _cipher.CopyTo(copy._cipher);
        return copy;
    }

    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(_chainingKey);
        _cipher.Dispose();
    }
}
