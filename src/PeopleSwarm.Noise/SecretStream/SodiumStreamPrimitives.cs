using System.Security.Cryptography;
using Geralt;
using PeopleSwarm.Noise.Crypto;

namespace PeopleSwarm.Noise.SecretStream;

/// <summary>
/// libsodium's, only where it is available. It holds nothing between calls, so all channels share it; Geralt's authenticator of several
/// pieces would be an object for each.
/// </summary>
internal sealed unsafe class SodiumStreamPrimitives : IStreamPrimitives
{
    private const int StateSize = 256, StateAlignment = 16; // crypto_onetimeauth_poly1305_state

    public static SodiumStreamPrimitives Instance { get; } = new();

    public void Xor(byte[] key, byte[] nonce, uint block, Span<byte> data) => ChaCha20.Encrypt(data, data, nonce, key, block);

    public void Authenticate(ReadOnlySpan<byte> oneTimeKey, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, Span<byte> mac)
    {
        byte* memory = stackalloc byte[StateSize + StateAlignment - 1];
        byte* state = memory + (-(nint)memory & (StateAlignment - 1));
        Libsodium.StartPoly1305(state, oneTimeKey[..StreamCipher.KeySize]);
        Libsodium.UpdatePoly1305(state, first, (ulong)first.Length);
        Libsodium.UpdatePoly1305(state, second, (ulong)second.Length);
        Libsodium.FinishPoly1305(state, mac[..StreamCipher.MacSize]);
        CryptographicOperations.ZeroMemory(new Span<byte>(state, StateSize));
    }

    public void Clear() { }
}
