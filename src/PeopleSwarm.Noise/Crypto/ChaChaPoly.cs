using System.Buffers.Binary;
using System.Security.Cryptography;
using Org.BouncyCastle.Crypto;
using Org.BouncyCastle.Crypto.Parameters;
using Sodium = Geralt.ChaCha20Poly1305;
using ManagedChaChaPoly = Org.BouncyCastle.Crypto.Modes.ChaCha20Poly1305;

namespace PeopleSwarm.Noise.Crypto;

/// <summary>
/// ChaCha20-Poly1305 (RFC 8439): libsodium's, whose calls cost least for the short messages of a handshake, else the platform's, else
/// BouncyCastle's.
/// </summary>
internal sealed class ChaChaPoly(CryptoLibraries libraries) : ICipher
{
    public const int KeySize = 32, NonceSize = 12, TagSize = 16;

    public string Name => "ChaChaPoly";

    public void Seal(ReadOnlySpan<byte> key, uint counter, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> plaintext, Span<byte> ciphertext)
    {
        Span<byte> nonce = stackalloc byte[NonceSize];
        WriteNonce(counter, nonce);
        if (libraries.Sodium)
        {
            Sodium.Encrypt(ciphertext[..(plaintext.Length + TagSize)], plaintext, nonce, key, associatedData);
        }
        else if (libraries.Platform)
        {
            using var cipher = new ChaCha20Poly1305(key);
            cipher.Encrypt(nonce, plaintext, ciphertext[..plaintext.Length], ciphertext.Slice(plaintext.Length, TagSize), associatedData);
        }
        else
        {
            Process(forEncryption: true, key, nonce, associatedData, plaintext, ciphertext);
        }
    }

    public bool TryOpen(ReadOnlySpan<byte> key, uint counter, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> ciphertext, Span<byte> plaintext)
    {
        if (ciphertext.Length < TagSize) return false;
        Span<byte> nonce = stackalloc byte[NonceSize];
        WriteNonce(counter, nonce);
        int length = ciphertext.Length - TagSize;
        try
        {
            if (libraries.Sodium)
            {
                Sodium.Decrypt(plaintext[..length], ciphertext, nonce, key, associatedData);
            }
            else if (libraries.Platform)
            {
                using var cipher = new ChaCha20Poly1305(key);
                cipher.Decrypt(nonce, ciphertext[..length], ciphertext[length..], plaintext[..length], associatedData);
            }
            else
            {
                Process(forEncryption: false, key, nonce, associatedData, ciphertext, plaintext[..length]);
            }
            return true;
        }
        catch (Exception e) when (e is CryptographicException or InvalidCipherTextException)
        {
            CryptographicOperations.ZeroMemory(plaintext[..length]);
            return false;
        }
    }

    private static void WriteNonce(uint counter, Span<byte> nonce)
    {
        nonce.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(nonce[4..], counter);
    }

    private static void Process(bool forEncryption, ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData,
        ReadOnlySpan<byte> input, Span<byte> output)
    {
        var cipher = new ManagedChaChaPoly();
        cipher.Init(forEncryption, new ParametersWithIV(new KeyParameter(key), nonce));
        cipher.ProcessAadBytes(associatedData);
        int written = cipher.ProcessBytes(input, output);
        cipher.DoFinal(output[written..]);
    }
}
