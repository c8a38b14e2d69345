using Org.BouncyCastle.Crypto.Engines;
using Org.BouncyCastle.Crypto.Macs;
using Org.BouncyCastle.Crypto.Parameters;

namespace PeopleSwarm.Noise.SecretStream;

/// <summary>BouncyCastle's. Each authenticator costs one small allocation for its key.</summary>
internal sealed class ManagedStreamPrimitives : IStreamPrimitives
{
    private readonly KeyStream _keyStream = new();
    private readonly Poly1305 _poly1305 = new();

    public void Xor(byte[] key, byte[] nonce, uint block, Span<byte> data)
    {
        _keyStream.Start(key, nonce, block);
        _keyStream.ProcessBytes(data, data);
    }

    public void Authenticate(ReadOnlySpan<byte> oneTimeKey, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, Span<byte> mac)
    {
        _poly1305.Init(new KeyParameter(oneTimeKey));
        _poly1305.BlockUpdate(first);
        _poly1305.BlockUpdate(second);
        _poly1305.DoFinal(mac);
    }

    public void Clear() => _keyStream.Clear();

    /// <summary>ChaCha20, restarted with another nonce without allocating.</summary>
    private sealed class KeyStream : ChaCha7539Engine
    {
        private static readonly byte[] s_zeroKey = new byte[StreamCipher.KeySize], s_zeroNonce = new byte[StreamCipher.NonceSize];

        public KeyStream() => Init(forEncryption: true, new ParametersWithIV(new KeyParameter(s_zeroKey), s_zeroNonce));

        public void Start(byte[] key, byte[] nonce, uint block)
        {
            SetKey(key, nonce);
            Reset();
            for (; block > 0; block--) AdvanceCounter();
        }

        public void Clear()
        {
            Start(s_zeroKey, s_zeroNonce, 0);
            Span<byte> block = stackalloc byte[StreamCipher.TagBlock];
            ProcessBytes(block, block); // overwrites the buffered key stream
        }
    }
}
