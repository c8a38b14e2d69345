using System.Security.Cryptography;

namespace PeopleSwarm.Noise.Crypto;

/// <summary>
/// The long-lived keys met lately: peers are dialled again and dial again. Fresh keys of handshakes do not belong here. Safe on any thread;
/// secrets are zeroed on dispose.
/// </summary>
/// <param name="diffieHellman">Imports what is not known.</param>
/// <param name="capacity">Keys kept, those unused for longest go; 0 for none.</param>
internal sealed class KnownKeys(IDiffieHellman diffieHellman, int capacity) : IDisposable
{
    private readonly int _half = (capacity + 1) / 2;
    private readonly Lock _gate = new();
    private Dictionary<PublicKey, KnownKey> _fresh = [], _stale = [];
    private bool _disposed;

    public KnownKey Get(PublicKey remote)
    {
        if (capacity == 0) return new(diffieHellman.Import(remote), remembers: false);
        lock (_gate)
        {
            if (_fresh.TryGetValue(remote, out var known)) return known;
            if (!_stale.Remove(remote, out known)) known = new(diffieHellman.Import(remote), remembers: !_disposed);
            if (!_disposed) Keep(remote, known);
            return known;
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            Forget(_fresh);
            Forget(_stale);
        }
    }

    private void Keep(PublicKey remote, KnownKey key)
    {
        _fresh[remote] = key;
        if (_fresh.Count < _half) return;
        (_fresh, _stale) = (_stale, _fresh);
        Forget(_fresh);
    }

    private static void Forget(Dictionary<PublicKey, KnownKey> keys)
    {
        foreach (var key in keys.Values) key.Forget();
        keys.Clear();
    }
}

/// <summary>
/// A long-lived key of a peer, and the secret it shares with our long-lived key that met it last: that never changes, so it is computed
/// once, as WireGuard does. Safe on any thread.
/// </summary>
/// <param name="key">The key itself.</param>
/// <param name="remembers">Whether the secret is kept.</param>
internal sealed class KnownKey(IAgreementKey key, bool remembers)
{
    private const int SecretSize = 32;

    private readonly Lock _gate = new();
    private byte[]? _shared;
    private KeyPair? _local;
    private bool _remembers = remembers;

    public IAgreementKey Key => key;

    /// <summary>The secret that is kept, borrowed; for tests that look whether it is gone.</summary>
    internal ReadOnlySpan<byte> Secret => _shared;

    /// <summary>As <see cref="IAgreementKey.TryAgree"/>, for a key pair of ours that is used again and again.</summary>
    public bool TryAgreeAgain(KeyPair local, Span<byte> shared)
    {
        if (local.Seed.IsEmpty) return false; // throws if it was disposed
        lock (_gate)
        {
            if (ReferenceEquals(_local, local))
            {
                _shared.CopyTo(shared);
                return true;
            }
        }
        if (!key.TryAgree(local, shared)) return false;
        lock (_gate)
        {
            if (!_remembers) return true;
            _shared ??= GC.AllocateUninitializedArray<byte>(SecretSize, pinned: true); // pinned: no copies left behind by the collector
            shared[..SecretSize].CopyTo(_shared);
            _local = local;
        }
        return true;
    }

    /// <summary>Zeroes the secret and keeps none from now on; whoever holds this key still may go on.</summary>
    public void Forget()
    {
        lock (_gate)
        {
            (_remembers, _local) = (false, null);
            CryptographicOperations.ZeroMemory(_shared);
        }
    }
}
