namespace PeopleSwarm.Udx.Protocol;

/// <summary>NewReno as QUIC has it (RFC 9002, section 7): slow start, then one packet more each round trip, half after a loss.</summary>
internal sealed class NewReno(int packetSize) : ICongestionController
{
    private const int InitialPackets = 10, MinPackets = 2;
    private const double SlowStartPacing = 2, SteadyPacing = 1.25; // Linux's ratios: ahead of the window, never behind

    private long _threshold = long.MaxValue, _ackedInRound;
    private int _packetSize = packetSize;
    private bool _windowLimited;

    public long Window { get; private set; } = InitialPackets * packetSize;

    public double PacingRate { get; private set; }

    public void OnSent(long now, long inFlightBefore, bool isAppLimited) =>
        _windowLimited |= inFlightBefore + 2 * _packetSize >= Window || (Window < _threshold && 2 * inFlightBefore >= Window);

    public void OnAck(in AckSample sample)
    {
        _packetSize = sample.PacketSize;
        if (!sample.IsInRecovery && _windowLimited && sample.Acked > 0) Grow(sample.Acked);
        if (sample.InFlight == 0 || sample.Acked > 0) _windowLimited = sample.InFlightBefore + 2 * _packetSize >= Window;
        if (sample.SmoothedRtt > 0)
            PacingRate = Window * 1e6 / sample.SmoothedRtt * (Window < _threshold ? SlowStartPacing : SteadyPacing);
    }

    public void OnCongestion(long now, long inFlight)
    {
        _threshold = Math.Max(Math.Min(Window, Math.Max(inFlight, Window / 2)) / 2, MinPackets * _packetSize);
        (Window, _ackedInRound) = (_threshold, 0);
    }

    public void OnTimeout(long now, long inFlight)
    {
        _threshold = Math.Max(Window / 2, MinPackets * _packetSize);
        (Window, _ackedInRound) = (_packetSize, 0);
    }

    public void OnRecovered(long now) { }

    public void OnPathChanged(long now) =>
        (Window, _threshold, PacingRate, _ackedInRound) = (InitialPackets * _packetSize, long.MaxValue, 0, 0);

    private void Grow(long acked)
    {
        if (Window < _threshold)
        {
            Window += acked;
            return;
        }
        _ackedInRound += acked;
        if (_ackedInRound < Window) return;
        _ackedInRound -= Window;
        Window += _packetSize;
    }
}
