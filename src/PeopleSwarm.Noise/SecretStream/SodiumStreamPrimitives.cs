using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Geralt;
using PeopleSwarm.Noise.Crypto;

namespace PeopleSwarm.Noise.SecretStream;

/// <summary>
/// libsodium's. It holds nothing between calls, so all channels share it; Geralt's authenticator of several pieces would be an object for each.
/// </summary>
internal sealed unsafe partial class SodiumStreamPrimitives : IStreamPrimitives
{
    private const int StateSize = 256, StateAlignment = 16; // crypto_onetimeauth_poly1305_state

    private SodiumStreamPrimitives() { }

    /// <summary>Null where the library does not load.</summary>
    public static SodiumStreamPrimitives? Instance { get; } = SodiumEdwards25519.Instance is null ? null : new();

    public void Xor(byte[] key, byte[] nonce, uint block, Span<byte> data) => ChaCha20.Encrypt(data, data, nonce, key, block);

    public void Authenticate(ReadOnlySpan<byte> oneTimeKey, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, Span<byte> mac)
    {
        byte* memory = stackalloc byte[StateSize + StateAlignment - 1];
        byte* state = memory + (-(nint)memory & (StateAlignment - 1));
        Start(state, oneTimeKey[..StreamCipher.KeySize]);
        Update(state, first, (ulong)first.Length);
        Update(state, second, (ulong)second.Length);
        Finish(state, mac[..StreamCipher.MacSize]);
        CryptographicOperations.ZeroMemory(new Span<byte>(state, StateSize));
    }

    public void Clear() { }

    [LibraryImport(SodiumEdwards25519.NativeLibrary, EntryPoint = "crypto_onetimeauth_poly1305_init"), DefaultDllImportSearchPaths(SodiumEdwards25519.SearchPath)]
    private static partial int Start(byte* state, ReadOnlySpan<byte> key);

    [LibraryImport(SodiumEdwards25519.NativeLibrary, EntryPoint = "crypto_onetimeauth_poly1305_update"), DefaultDllImportSearchPaths(SodiumEdwards25519.SearchPath)]
    private static partial int Update(byte* state, ReadOnlySpan<byte> data, ulong length);

    [LibraryImport(SodiumEdwards25519.NativeLibrary, EntryPoint = "crypto_onetimeauth_poly1305_final"), DefaultDllImportSearchPaths(SodiumEdwards25519.SearchPath)]
    private static partial int Finish(byte* state, Span<byte> mac);
}
