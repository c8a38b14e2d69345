namespace PeopleSwarm.Noise.Crypto;

/// <summary>
/// The long-lived keys met lately, already validated: peers are dialled again and dial again, and a validation costs more than all else
/// of a handshake message. Fresh keys of handshakes do not belong here. Safe on any thread.
/// </summary>
/// <param name="diffieHellman">Validates what is not known.</param>
/// <param name="capacity">Keys kept, those unused for longest go; 0 for none.</param>
internal sealed class ValidatedKeys(IDiffieHellman diffieHellman, int capacity)
{
    private readonly int _half = (capacity + 1) / 2;
    private readonly Lock _gate = new();
    private Dictionary<PublicKey, IAgreementKey> _fresh = [], _stale = [];

    /// <summary>The validated key; null if it must not be used.</summary>
    public IAgreementKey? Validate(PublicKey remote)
    {
        if (capacity == 0) return diffieHellman.Validate(remote);
        lock (_gate)
        {
            if (_fresh.TryGetValue(remote, out var known)) return known;
            if (_stale.TryGetValue(remote, out known)) return Keep(remote, known);
        }
        if (diffieHellman.Validate(remote) is not { } validated) return null;
        lock (_gate) return Keep(remote, validated);
    }

    private IAgreementKey Keep(PublicKey remote, IAgreementKey key)
    {
        _stale.Remove(remote);
        _fresh[remote] = key;
        if (_fresh.Count < _half) return key;
        (_fresh, _stale) = (_stale, _fresh);
        _fresh.Clear();
        return key;
    }
}
