namespace PeopleSwarm.Udx.Protocol;

/// <summary>
/// Finds the largest IP packet a path carries (RFC 8899; spec udx, 12): data packets padded to the size probed for. Steps are as
/// large as the padding allows, then halve; three losses rule a size out. Lost full packets without an answer bring the base back.
/// </summary>
internal sealed class MtuDiscovery
{
    /// <summary>Most padding a packet can have: its data offset is one byte.</summary>
    public const int MaxPadding = byte.MaxValue;

    private const int MaxLosses = 3;
    private const int Granularity = 16; // a gap not worth another round trip
    private const int BlackHoleLosses = 6; // full packets lost in a row, over two timeouts at least

    private readonly int _base;
    private int _max;
    private int _ceiling; // the largest size not ruled out
    private int _losses, _fullLosses, _timeouts;
    private bool _hasFailed, _isProbing, _baseConfirmed;

    public MtuDiscovery(int baseMtu, int maxMtu)
    {
        (_base, _max) = (baseMtu, Math.Max(baseMtu, maxMtu));
        Restart(_max);
    }

    /// <summary>The size in use, headers included.</summary>
    public int Mtu { get; private set; }

    /// <summary>Whether the next full packet should be a probe of <see cref="ProbeSize"/>.</summary>
    public bool WantsProbe => _baseConfirmed && !_isProbing && ProbeSize > Mtu;

    /// <summary>The size to probe for; that in use when the search is over.</summary>
    public int ProbeSize
    {
        get
        {
            int gap = _ceiling - Mtu;
            if (_hasFailed && gap < Granularity) return Mtu;
            return Mtu + Math.Min(_hasFailed ? (gap + 1) / 2 : gap, MaxPadding);
        }
    }

    /// <summary>Some packet came through.</summary>
    public void OnDelivered(int mtu)
    {
        _baseConfirmed = true;
        if (mtu >= Mtu) (_fullLosses, _timeouts) = (0, 0);
    }

    public void OnProbeSent() => _isProbing = true;

    public void OnProbeDelivered(int size)
    {
        _isProbing = false;
        if (size <= Mtu || size > _ceiling) return;
        (Mtu, _losses) = (size, 0);
    }

    public void OnProbeLost(int size)
    {
        _isProbing = false;
        if (size <= Mtu || ++_losses < MaxLosses) return;
        (_ceiling, _hasFailed, _losses) = (Math.Min(_ceiling, size - 1), true, 0);
    }

    /// <summary>An ordinary packet was lost. True if the path seems to swallow all of this size: the base is in use again.</summary>
    public bool OnLost(int mtu)
    {
        if (mtu < Mtu || Mtu <= _base || ++_fullLosses < BlackHoleLosses || _timeouts < 2) return false;
        Restart(Math.Max(_base, Mtu - 1));
        _hasFailed = true;
        return true;
    }

    public void OnTimeout() => _timeouts++;

    /// <summary>A new path: from the base again, with every size up to <paramref name="maxMtu"/> possible.</summary>
    public void OnPathChanged(int maxMtu)
    {
        _max = Math.Max(_base, maxMtu);
        Restart(_max);
        _hasFailed = false;
    }

    private void Restart(int ceiling)
    {
        (Mtu, _ceiling) = (_base, ceiling);
        (_losses, _fullLosses, _timeouts) = (0, 0, 0);
        (_isProbing, _baseConfirmed) = (false, false);
    }
}
