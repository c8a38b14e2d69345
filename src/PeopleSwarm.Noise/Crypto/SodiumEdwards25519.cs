using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Geralt;

namespace PeopleSwarm.Noise.Crypto;

/// <summary>
/// Ed25519 by libsodium, which the npm peers use too. Geralt brings the library and most functions; what it leaves out is called
/// directly.
/// </summary>
internal sealed partial class SodiumEdwards25519 : IEdwards25519
{
    public const string NativeLibrary = "libsodium";
    public const DllImportSearchPath SearchPath = DllImportSearchPath.AssemblyDirectory | DllImportSearchPath.SafeDirectories;

    private SodiumEdwards25519() { }

    /// <summary>Null where the library does not load.</summary>
    public static SodiumEdwards25519? Instance { get; } = Load();

    public string Library => NativeLibrary;

    public void WritePublicKey(ReadOnlySpan<byte> seed, Span<byte> publicKey)
    {
        Span<byte> secretKey = stackalloc byte[KeyPair.SecretKeySize];
        Ed25519.GenerateKeyPair(publicKey, secretKey, seed);
        CryptographicOperations.ZeroMemory(secretKey);
    }

    public void Sign(ReadOnlySpan<byte> secretKey, ReadOnlySpan<byte> message, Span<byte> signature) => Ed25519.Sign(signature, message, secretKey);

    public bool Verify(ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature) =>
        Ed25519.Verify(signature, message, publicKey);

    public IEdwardsPoint PointOf(PublicKey publicKey) => new Point(publicKey);

    private static SodiumEdwards25519? Load()
    {
        Span<byte> publicKey = stackalloc byte[PublicKey.Size], product = stackalloc byte[EdwardsPoint.Size];
        try
        {
            var sodium = new SodiumEdwards25519();
            sodium.WritePublicKey(product, publicKey); // the first call initialises the library
            return IsValidPoint(publicKey) == 1 && Multiply(product, scalar: publicKey, publicKey) == 0 ? sodium : null;
        }
        catch (Exception e) when (e is PlatformNotSupportedException or DllNotFoundException or EntryPointNotFoundException or BadImageFormatException)
        {
            return null;
        }
    }

    [LibraryImport(NativeLibrary, EntryPoint = "crypto_core_ed25519_is_valid_point"), DefaultDllImportSearchPaths(SearchPath)]
    private static partial int IsValidPoint(ReadOnlySpan<byte> point);

    /// <summary>0, or -1 for a point that is not valid, a scalar of zero and a product that is the identity.</summary>
    [LibraryImport(NativeLibrary, EntryPoint = "crypto_scalarmult_ed25519_noclamp"), DefaultDllImportSearchPaths(SearchPath)]
    private static partial int Multiply(Span<byte> product, ReadOnlySpan<byte> scalar, ReadOnlySpan<byte> point);

    /// <summary>The library validates with each multiplication: asking for the validity of a point that will be multiplied is a waste.</summary>
    private sealed class Point(PublicKey publicKey) : IEdwardsPoint
    {
        private volatile bool _isValid;

        public bool IsValid
        {
            get
            {
                if (_isValid) return true;
                Span<byte> encoded = stackalloc byte[PublicKey.Size];
                publicKey.CopyTo(encoded);
                return _isValid = IsValidPoint(encoded) == 1;
            }
        }

        public bool TryMultiply(ReadOnlySpan<byte> scalar, Span<byte> product)
        {
            Span<byte> encoded = stackalloc byte[PublicKey.Size];
            publicKey.CopyTo(encoded);
            return Multiply(product[..EdwardsPoint.Size], scalar[..EdwardsPoint.Size], encoded) == 0;
        }
    }
}
