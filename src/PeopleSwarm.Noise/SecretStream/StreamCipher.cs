using System.Buffers.Binary;
using System.Security.Cryptography;
using Org.BouncyCastle.Crypto.Engines;
using Org.BouncyCastle.Crypto.Macs;
using Org.BouncyCastle.Crypto.Parameters;

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
/// is the same when the length is 0 or 8 modulo 16. Other lengths take the authenticator from BouncyCastle, at the price of one
/// small allocation. Spec: noise-and-secretstream, section 7.
/// </remarks>
internal sealed class StreamCipher : IDisposable
{
    public const int KeySize = 32, HeaderSize = 24, TagBlock = 64, MacSize = 16;

    /// <summary>Bytes a sealed message is longer than the plain one.</summary>
    public const int Overhead = 1 + MacSize;

    private const int NonceSize = 12, InnerNonceOffset = 4;

    private readonly byte[] _key = GC.AllocateArray<byte>(KeySize, pinned: true);
    private readonly byte[] _nonce = new byte[NonceSize]; // the counter, then the inner nonce
    private readonly bool _usePlatform;

    // Made when first needed: a connection at rest needs none of them.
    private KeyStream? _keyStream;
    private Poly1305? _poly1305;
    private ChaCha20Poly1305? _platform;
    private bool _disposed;

    /// <summary>Starts a stream from its 32-byte key and 24-byte header.</summary>
    public StreamCipher(ReadOnlySpan<byte> key, ReadOnlySpan<byte> header, bool usePlatform)
    {
        _usePlatform = usePlatform && ChaCha20Poly1305.IsSupported;
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
    /// <param name="associatedData">Authenticated with the message; the stream never has any.</param>
    public void Seal(StreamTag tag, Span<byte> block, Span<byte> mac, ReadOnlySpan<byte> associatedData = default)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        block[..TagBlock].Clear();
        block[0] = (byte)tag;
        if (_usePlatform) Platform.Encrypt(_nonce, block, block, mac, associatedData);
        else XorWithKeyStream(block);
        if (!_usePlatform || !HasPlatformPadding(block.Length)) Authenticate(block, associatedData, mac);
        Advance(tag, mac);
    }

    /// <summary>Opens in place what <see cref="Seal"/> made; on false the content of the block is lost and the state unchanged.</summary>
    /// <param name="block">The sealed tag, 63 bytes of any content, overwritten, and the ciphertext, which becomes the message.</param>
    /// <param name="mac">16 bytes.</param>
    /// <param name="tag">The tag.</param>
    /// <param name="associatedData">What was given to <see cref="Seal"/>.</param>
    public bool TryOpen(Span<byte> block, ReadOnlySpan<byte> mac, out StreamTag tag, ReadOnlySpan<byte> associatedData = default)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        byte sealedTag = block[0];
        Stream.WriteTagBlock(_key, _nonce, block[..TagBlock]);
        tag = (StreamTag)(block[0] ^ sealedTag);
        block[0] = sealedTag;
        if (_usePlatform && HasPlatformPadding(block.Length))
        {
            try
            {
                Platform.Decrypt(_nonce, block, mac, block, associatedData);
            }
            catch (AuthenticationTagMismatchException)
            {
                return false;
            }
        }
        else
        {
            Span<byte> expected = stackalloc byte[MacSize];
            Authenticate(block, associatedData, expected);
            if (!CryptographicOperations.FixedTimeEquals(expected, mac)) return false;
            if (!_usePlatform) XorWithKeyStream(block);
            else Platform.Encrypt(_nonce, block, block, expected); // sealing twice with one key stream opens
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
        Stream.Start(_key, _nonce);
        Stream.ProcessBytes(next, next);
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
        _keyStream?.Clear();
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

    private static bool HasPlatformPadding(int length) => (length & 7) == 0;

    private void Advance(StreamTag tag, ReadOnlySpan<byte> mac)
    {
        for (int i = 0; i < NonceSize - InnerNonceOffset; i++) _nonce[InnerNonceOffset + i] ^= mac[i];
        Counter = unchecked(Counter + 1);
        if ((tag & StreamTag.Rekey) != 0 || Counter == 0) Rekey();
    }

    private KeyStream Stream => _keyStream ??= new();

    private ChaCha20Poly1305 Platform => _platform ??= new(_key);

    private void UseKey()
    {
        _platform?.Dispose();
        _platform = null;
    }

    /// <summary>The tag block is block 1 of the key stream, the message follows it.</summary>
    private void XorWithKeyStream(Span<byte> block)
    {
        Span<byte> skipped = stackalloc byte[TagBlock];
        var stream = Stream;
        stream.Start(_key, _nonce);
        stream.ProcessBytes(skipped, skipped);
        stream.ProcessBytes(block, block);
        CryptographicOperations.ZeroMemory(skipped);
    }

    /// <summary>The authenticator with the padding of the secret stream: length modulo 16 zero bytes, not what completes a block.</summary>
    private void Authenticate(ReadOnlySpan<byte> block, ReadOnlySpan<byte> associatedData, Span<byte> mac)
    {
        Span<byte> macKey = stackalloc byte[KeySize];
        macKey.Clear();
        Stream.Start(_key, _nonce);
        Stream.ProcessBytes(macKey, macKey);
        var poly1305 = _poly1305 ??= new();
        poly1305.Init(new KeyParameter(macKey));
        CryptographicOperations.ZeroMemory(macKey);
        Span<byte> zeros = stackalloc byte[15 + 16];
        zeros.Clear();
        poly1305.BlockUpdate(associatedData);
        poly1305.BlockUpdate(zeros[..(-associatedData.Length & 15)]);
        poly1305.BlockUpdate(block);
        int padding = block.Length & 15;
        var trailer = zeros[..(padding + 16)];
        BinaryPrimitives.WriteInt64LittleEndian(trailer[padding..], associatedData.Length);
        BinaryPrimitives.WriteInt64LittleEndian(trailer[(padding + 8)..], block.Length);
        poly1305.BlockUpdate(trailer);
        poly1305.DoFinal(mac);
    }

    /// <summary>BouncyCastle's ChaCha20 (RFC 8439), restarted with another nonce without allocating.</summary>
    private sealed class KeyStream : ChaCha7539Engine
    {
        private static readonly byte[] s_zeroKey = new byte[KeySize], s_zeroNonce = new byte[StreamCipher.NonceSize];

        public KeyStream() => Init(forEncryption: true, new ParametersWithIV(new KeyParameter(s_zeroKey), s_zeroNonce));

        public void Start(byte[] key, byte[] nonce)
        {
            SetKey(key, nonce);
            Reset();
        }

        /// <summary>Writes block 1.</summary>
        public void WriteTagBlock(byte[] key, byte[] nonce, Span<byte> block)
        {
            Start(key, nonce);
            AdvanceCounter();
            block.Clear();
            ProcessBytes(block, block);
        }

        public void Clear()
        {
            Start(s_zeroKey, s_zeroNonce);
            Span<byte> block = stackalloc byte[TagBlock];
            ProcessBytes(block, block); // overwrites the buffered key stream
        }
    }
}
