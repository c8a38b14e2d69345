using System.Security.Cryptography;

namespace PeopleSwarm;

/// <summary>An Ed25519 key pair. The secret part is zeroed on dispose. Make one with <see cref="ICryptoSuite.CreateKeyPair"/>.</summary>
public sealed class KeyPair : IDisposable
{
    /// <summary>Bytes of a seed.</summary>
    public const int SeedSize = 32;

    /// <summary>Bytes of a secret key: the seed followed by the public key.</summary>
    public const int SecretKeySize = 64;

    private readonly byte[] _secretKey;
    private bool _disposed;

    /// <summary>Wraps existing keys; <paramref name="secretKey"/> is copied.</summary>
    /// <param name="publicKey">The public key.</param>
    /// <param name="secretKey">64 bytes, or empty where another party signs.</param>
    /// <exception cref="ArgumentException"><paramref name="secretKey"/> has another length or ends in another public key.</exception>
    public KeyPair(PublicKey publicKey, ReadOnlySpan<byte> secretKey)
    {
        if (secretKey.Length is not (0 or SecretKeySize))
            throw new ArgumentException($"A secret key is {SecretKeySize} bytes, not {secretKey.Length}.", nameof(secretKey));
        if (secretKey.Length != 0 && new PublicKey(secretKey[SeedSize..]) != publicKey)
            throw new ArgumentException("The secret key belongs to another public key.", nameof(secretKey));
        PublicKey = publicKey;
        _secretKey = GC.AllocateUninitializedArray<byte>(secretKey.Length, pinned: true); // pinned: no copies left behind by the collector
        secretKey.CopyTo(_secretKey);
    }

    /// <summary>A key pair whose secret part somebody else holds: it can announce and put, but neither listen nor connect.</summary>
    /// <param name="publicKey">The public key.</param>
    /// <param name="signer">Signs for it.</param>
    public KeyPair(PublicKey publicKey, SignatureFunction signer) : this(publicKey, default(ReadOnlySpan<byte>))
    {
        ArgumentNullException.ThrowIfNull(signer);
        Signer = signer;
    }

    /// <summary>The public key.</summary>
    public PublicKey PublicKey { get; }

    /// <summary>Signs where the secret key is not here; null where it is, and where nobody signs.</summary>
    public SignatureFunction? Signer { get; }

    /// <summary>Whether the secret key is here and not only the public one.</summary>
    public bool HasSecretKey => _secretKey.Length != 0;

    /// <summary>The 64-byte secret key, borrowed; empty where another party signs.</summary>
    /// <exception cref="ObjectDisposedException">The key pair was disposed.</exception>
    public ReadOnlySpan<byte> SecretKey
    {
        get
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return _secretKey;
        }
    }

    /// <summary>The 32-byte seed, borrowed; empty where another party signs.</summary>
    public ReadOnlySpan<byte> Seed => HasSecretKey ? SecretKey[..SeedSize] : default;

    /// <summary>Zeroes the secret key.</summary>
    public void Dispose()
    {
        _disposed = true;
        CryptographicOperations.ZeroMemory(_secretKey);
    }

    /// <summary>The public key; never the secret one.</summary>
    public override string ToString() => PublicKey.ToString();
}
