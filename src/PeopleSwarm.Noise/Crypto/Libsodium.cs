using System.Runtime.InteropServices;
using Geralt;

namespace PeopleSwarm.Noise.Crypto;

/// <summary>The native library, which Geralt brings and initialises, and those of its functions that Geralt leaves out or makes objects of.</summary>
internal static unsafe partial class Libsodium
{
    private const string Library = "libsodium";
    private const DllImportSearchPath SearchPath = DllImportSearchPath.AssemblyDirectory | DllImportSearchPath.SafeDirectories;

    /// <summary>Whether it loads on this machine.</summary>
    public static bool IsAvailable { get; } = Load();

    /// <summary>1 for a point that is canonical, on the curve, and of the subgroup of prime order without the identity.</summary>
    [LibraryImport(Library, EntryPoint = "crypto_core_ed25519_is_valid_point"), DefaultDllImportSearchPaths(SearchPath)]
    public static partial int IsValidPoint(ReadOnlySpan<byte> point);

    /// <summary>The key of X25519 is the scalar of Ed25519. Of the secret key the seed alone is read.</summary>
    [LibraryImport(Library, EntryPoint = "crypto_sign_ed25519_sk_to_curve25519"), DefaultDllImportSearchPaths(SearchPath)]
    public static partial int WriteScalar(Span<byte> scalar, ReadOnlySpan<byte> secretKey);

    /// <summary>0, or -1 for a point that is not valid, a scalar of zero and a product that is the identity.</summary>
    [LibraryImport(Library, EntryPoint = "crypto_scalarmult_ed25519_noclamp"), DefaultDllImportSearchPaths(SearchPath)]
    public static partial int MultiplyPoint(Span<byte> product, ReadOnlySpan<byte> scalar, ReadOnlySpan<byte> point);

    /// <summary>0, or -1 for an element that is not valid and a product that is the identity.</summary>
    [LibraryImport(Library, EntryPoint = "crypto_scalarmult_ristretto255"), DefaultDllImportSearchPaths(SearchPath)]
    public static partial int MultiplyElement(Span<byte> product, ReadOnlySpan<byte> scalar, ReadOnlySpan<byte> element);

    /// <summary>Multiplies modulo the group order.</summary>
    [LibraryImport(Library, EntryPoint = "crypto_core_ristretto255_scalar_mul"), DefaultDllImportSearchPaths(SearchPath)]
    public static partial void MultiplyScalars(Span<byte> product, ReadOnlySpan<byte> x, ReadOnlySpan<byte> y);

    [LibraryImport(Library, EntryPoint = "crypto_onetimeauth_poly1305_init"), DefaultDllImportSearchPaths(SearchPath)]
    public static partial int StartPoly1305(byte* state, ReadOnlySpan<byte> key);

    [LibraryImport(Library, EntryPoint = "crypto_onetimeauth_poly1305_update"), DefaultDllImportSearchPaths(SearchPath)]
    public static partial int UpdatePoly1305(byte* state, ReadOnlySpan<byte> data, ulong length);

    [LibraryImport(Library, EntryPoint = "crypto_onetimeauth_poly1305_final"), DefaultDllImportSearchPaths(SearchPath)]
    public static partial int FinishPoly1305(byte* state, Span<byte> mac);

    private static bool Load()
    {
        Span<byte> publicKey = stackalloc byte[PublicKey.Size], secretKey = stackalloc byte[KeyPair.SecretKeySize];
        Span<byte> seed = stackalloc byte[KeyPair.SeedSize], product = stackalloc byte[PublicKey.Size];
        try
        {
            Ed25519.GenerateKeyPair(publicKey, secretKey, seed); // the first call initialises the library
            if (IsValidPoint(publicKey) != 1 || MultiplyPoint(product, scalar: publicKey, publicKey) != 0) return false;
            MultiplyElement(product, scalar: publicKey, product); // whatever it gives: it is there
            return true;
        }
        catch (Exception e) when (e is PlatformNotSupportedException or DllNotFoundException or EntryPointNotFoundException or BadImageFormatException)
        {
            return false;
        }
    }
}
