using System.Security.Cryptography;
using PeopleSwarm.Noise.Crypto;

namespace PeopleSwarm.Noise.Protocol;

/// <summary>A key and how often it was used. Without a key, messages pass as they are.</summary>
/// <remarks>Noise Protocol Framework, revision 34, section 5.1.</remarks>
internal sealed class CipherState(ICipher cipher) : IDisposable
{
    private const int KeySize = 32;

    private readonly byte[] _key = GC.AllocateArray<byte>(KeySize, pinned: true);
    private uint _counter;

    public bool HasKey { get; private set; }

    public void InitializeKey(ReadOnlySpan<byte> key)
    {
        key[..KeySize].CopyTo(_key);
        (_counter, HasKey) = (0, true);
    }

    /// <summary>Encrypts; returns the bytes written. The counter never comes round: a nonce is used once.</summary>
    public int EncryptWithAd(ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> plaintext, Span<byte> ciphertext)
    {
        if (!HasKey)
        {
            plaintext.CopyTo(ciphertext);
            return plaintext.Length;
        }
        int length = plaintext.Length + ChaChaPoly.TagSize;
        uint counter = _counter;
        _counter = checked(counter + 1);
        cipher.Seal(_key, counter, associatedData, plaintext, ciphertext[..length]);
        return length;
    }

    /// <summary>Decrypts; the counter moves on success only.</summary>
    public bool TryDecryptWithAd(ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> ciphertext, Span<byte> plaintext, out int length)
    {
        length = HasKey ? ciphertext.Length - ChaChaPoly.TagSize : ciphertext.Length;
        if (length < 0) return false;
        if (!HasKey)
        {
            ciphertext.CopyTo(plaintext);
            return true;
        }
        if (_counter == uint.MaxValue || !cipher.TryOpen(_key, _counter, associatedData, ciphertext, plaintext[..length])) return false;
        _counter++;
        return true;
    }

    public void CopyTo(CipherState other)
    {
        _key.CopyTo(other._key, 0);
        (other._counter, other.HasKey) = (_counter, HasKey);
    }

    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(_key);
        HasKey = false;
    }
}
