using System.Buffers.Binary;
using System.Security.Cryptography;
using PeopleSwarm.Noise.Crypto;

namespace PeopleSwarm.Noise.SecretStream;

/// <summary>Marks of a message; the bit of <see cref="Rekey"/> changes the key after it.</summary>
[Flags]
internal enum StreamTag : byte
{
    Message = 0,
    Push = 1,
    Rekey = 2,
    Final = Push | Rekey,
}

/// <summary>One direction of an XChaCha20-Poly1305 secret stream. One caller at a time.</summary>
/// <remarks>
/// A message is the platform's AEAD over a 64-byte tag block and the message; only the padding of the authenticator differs, and it
/// is the same when the length is 0 or 8 modulo 16. Other lengths take an authenticator of its own, and small messages ChaCha20 and Poly1305
/// apart: a call of the platform's costs about a microsecond before the first byte. Spec: noise-and-secretstream, 7.
/// </remarks>
internal sealed class StreamCipher : IDisposable
{
    public const int KeySize = 32, HeaderSize = 24, NonceSize = 12, TagBlock = 64, MacSize = 16;

    /// <summary>Bytes a sealed message is longer than the plain one.</summary>
    public const int Overhead = 1 + MacSize;

    private const int InnerNonceOffset = 4, SmallBlock = 1024;

    private readonly byte[] _key = GC.AllocateArray<byte>(KeySize, pinned: true);
    private readonly byte[] _nonce = new byte[NonceSize]; // the counter, then the inner nonce
    private readonly CryptoLibraries _libraries;
    private readonly int _platformFrom;

    // Made when first needed: a connection at rest needs none of them.
    private IStreamPrimitives? _primitives;
    private ChaCha20Poly1305? _platform;
    private bool _disposed;

    /// <summary>Starts a stream from its 32-byte key and 24-byte header.</summary>
    public StreamCipher(ReadOnlySpan<byte> key, ReadOnlySpan<byte> header, CryptoLibraries libraries)
    {
        _libraries = libraries;
        _platformFrom = PlatformBeatsPrimitives ? 0 : libraries.Platform ? SmallBlock : int.MaxValue;
        HChaCha20.Derive(key[..KeySize], header[..16], _key);
        Counter = 1;
        header[16..HeaderSize].CopyTo(_nonce.AsSpan(InnerNonceOffset));
        UseKey();
    }

    private uint Counter
    {
        get => BinaryPrimitives.ReadUInt32LittleEndian(_nonce);
        set => BinaryPrimitives.WriteUInt32LittleEndian(_nonce, value);
    }

    /// <summary>Seals the message that begins at byte 64 of <paramref name="block"/> in place; byte 0 becomes the sealed tag.</summary>
    /// <param name="tag">The tag.</param>
    /// <param name="block">64 bytes of any content, overwritten, and the message.</param>
    /// <param name="mac">Receives 16 bytes.</param>
    public void Seal(StreamTag tag, Span<byte> block, Span<byte> mac)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (IsForPlatform(block))
        {
            block[..TagBlock].Clear();
            block[0] = (byte)tag;
            Platform.Encrypt(_nonce, block, block, mac);
        }
        else
        {
            Span<byte> macKey = stackalloc byte[KeySize];
            StartMessage(macKey, block[..TagBlock]);
            block[0] ^= (byte)tag;
            Xor(block);
            Authenticate(macKey, block, mac);
        }
        Advance(tag, mac);
    }

    /// <summary>Opens in place what <see cref="Seal"/> made; on false the content of the block is lost and the state unchanged.</summary>
    /// <param name="block">The sealed tag, 63 bytes of any content, overwritten, and the ciphertext, which becomes the message.</param>
    /// <param name="mac">16 bytes.</param>
    /// <param name="tag">The tag.</param>
    public bool TryOpen(Span<byte> block, ReadOnlySpan<byte> mac, out StreamTag tag)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        Span<byte> macKey = stackalloc byte[KeySize];
        byte sealedTag = block[0];
        StartMessage(macKey, block[..TagBlock]);
        tag = (StreamTag)(block[0] ^ sealedTag);
        block[0] = sealedTag;
        if (IsForPlatform(block))
        {
            CryptographicOperations.ZeroMemory(macKey);
            try
            {
                Platform.Decrypt(_nonce, block, mac, block);
            }
            catch (AuthenticationTagMismatchException)
            {
                return false;
            }
        }
        else
        {
            Span<byte> expected = stackalloc byte[MacSize];
            Authenticate(macKey, block, expected);
            if (!CryptographicOperations.FixedTimeEquals(expected, mac)) return false;
            Xor(block);
        }
        Advance(tag, mac);
        return true;
    }

    /// <summary>Changes the key, as a tag with the bit of <see cref="StreamTag.Rekey"/> does on both sides.</summary>
    public void Rekey()
    {
        Span<byte> next = stackalloc byte[KeySize + NonceSize - InnerNonceOffset];
        _key.CopyTo(next);
        _nonce.AsSpan(InnerNonceOffset).CopyTo(next[KeySize..]);
        Primitives.Xor(_key, _nonce, 0, next);
        next[..KeySize].CopyTo(_key);
        next[KeySize..].CopyTo(_nonce.AsSpan(InnerNonceOffset));
        Counter = 1;
        CryptographicOperations.ZeroMemory(next);
        UseKey();
    }

    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        CryptographicOperations.ZeroMemory(_key);
        CryptographicOperations.ZeroMemory(_nonce);
        _primitives?.Clear();
        _platform?.Dispose();
    }

    /// <summary>Key, counter and inner nonce, 44 bytes, for comparison with other implementations.</summary>
    internal void CopyStateTo(Span<byte> state)
    {
        _key.CopyTo(state);
        _nonce.CopyTo(state[KeySize..]);
    }

    /// <summary>Continues from a state of <see cref="CopyStateTo"/>.</summary>
    internal void RestoreState(ReadOnlySpan<byte> state)
    {
        state[..KeySize].CopyTo(_key);
        state.Slice(KeySize, NonceSize).CopyTo(_nonce);
        UseKey();
    }

    /// <summary>Whether the platform pads this length as the secret stream does, and is the faster one.</summary>
    private bool IsForPlatform(ReadOnlySpan<byte> block) => (block.Length & 7) == 0 && block.Length >= _platformFrom;

    private void Advance(StreamTag tag, ReadOnlySpan<byte> mac)
    {
        for (int i = 0; i < NonceSize - InnerNonceOffset; i++) _nonce[InnerNonceOffset + i] ^= mac[i];
        Counter = unchecked(Counter + 1);
        if ((tag & StreamTag.Rekey) != 0 || Counter == 0) Rekey();
    }

    private bool PlatformBeatsPrimitives => _libraries is { Platform: true, Sodium: false };

    private IStreamPrimitives Primitives => _primitives ??= _libraries.Sodium ? SodiumStreamPrimitives.Instance : new ManagedStreamPrimitives();

    private ChaCha20Poly1305 Platform => _platform ??= new(_key);

    private void UseKey()
    {
        _platform?.Dispose();
        _platform = null;
    }

    /// <summary>Block 0 of the key stream keys the authenticator, block 1 hides the tag; the message takes those after.</summary>
    private void StartMessage(Span<byte> macKey, Span<byte> tagBlock)
    {
        Span<byte> blocks = stackalloc byte[2 * TagBlock];
        blocks.Clear();
        Primitives.Xor(_key, _nonce, 0, blocks);
        blocks[..KeySize].CopyTo(macKey);
        blocks[TagBlock..].CopyTo(tagBlock);
        CryptographicOperations.ZeroMemory(blocks);
    }

    /// <summary>Encrypts or decrypts the message behind the tag block.</summary>
    private void Xor(Span<byte> block)
    {
        if (PlatformBeatsPrimitives && block.Length >= SmallBlock) XorByPlatform(block);
        else if (block.Length > TagBlock) Primitives.Xor(_key, _nonce, 2, block[TagBlock..]);
    }

    /// <summary>The platform seals, which encrypts and decrypts alike; its authenticator is not used, and the tag block is put back.</summary>
    private void XorByPlatform(Span<byte> block)
    {
        Span<byte> tagBlock = stackalloc byte[TagBlock], unused = stackalloc byte[MacSize];
        block[..TagBlock].CopyTo(tagBlock);
        Platform.Encrypt(_nonce, block, block, unused);
        tagBlock.CopyTo(block);
    }

    /// <summary>The authenticator with the padding of the secret stream: length modulo 16 zero bytes, not what completes a block. Zeroes its key.</summary>
    private void Authenticate(Span<byte> macKey, ReadOnlySpan<byte> block, Span<byte> mac)
    {
        int padding = block.Length & 15;
        Span<byte> trailer = stackalloc byte[15 + 16];
        trailer.Clear();
        BinaryPrimitives.WriteInt64LittleEndian(trailer[(padding + 8)..], block.Length); // behind the length of no associated data
        Primitives.Authenticate(macKey, block, trailer[..(padding + 16)], mac);
        CryptographicOperations.ZeroMemory(macKey);
    }
}
