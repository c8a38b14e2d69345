namespace PeopleSwarm.Udx.Protocol;

/// <summary>
/// BBR: a model of the path, its bandwidth and its round trip, sets rate and window
/// (draft-cardwell-iccrg-bbr-congestion-control-00), with what later versions taught: the bandwidth cycle starts at random,
/// the search holds two pipes in flight, the probe for the round trip keeps half of one filled, and heavy loss bounds the window.
/// </summary>
internal sealed class Bbr(int packetSize, IRandomSource random) : ICongestionController
{
    private const int InitialPackets = 10, MinPackets = 4;
    private const int BandwidthRounds = 10; // length of the maximum filters
    private const double StartupGain = 2.88539; // 2 / ln 2: doubles the rate each round
    private const double WindowGain = 2; // pipes held in flight: a round of data and one of late acknowledgements
    private const double FullGrowth = 1.25; // less a round means that the pipe is full
    private const double PacingMargin = 0.99; // a little under the estimate, so that queues drain
    private const long MinRttLife = 10_000_000, ProbeRttTime = 200_000;
    private const long RttFloor = 1000; // below a millisecond the scheduling of threads is most of the round trip
    private const long MaxAggregationTime = 100_000;
    private const double HeavyLoss = 0.1; // share of a round that calls for a smaller window; links lose up to that by themselves
    private const double OvershootLoss = 0.3; // share that ends the search at once
    private const int MinLossPackets = 8;
    private const double BoundDecrease = 0.85, BoundIncrease = 1.25;
    private const int CruiseRounds = 16; // over which the link's own losses are averaged
    private const int ProbeHeardCycle = 2; // the phase in which the last losses of a probe become known

    private static ReadOnlySpan<double> CycleGains => [1.25, 0.75, 1, 1, 1, 1, 1, 1];

    private enum Mode
    {
        Startup,
        Drain,
        ProbeBandwidth,
        ProbeRtt,
    }

    private Mode _mode = Mode.Startup;
    private double _pacingGain = StartupGain, _windowGain = WindowGain;
    private int _packetSize = packetSize;

    private WindowedMax _bandwidth = new(BandwidthRounds); // bytes per second, by round
    private WindowedMax _aggregation = new(BandwidthRounds); // bytes acknowledged beyond the bandwidth, by round
    private long _round, _roundEnd;
    private bool _isRoundStart;
    private double _fullBandwidth;
    private int _fullRounds;
    private bool _isPipeFull;
    private long _minRtt, _minRttAt, _smoothedRtt;
    private long _probeRttEnd;
    private Mode _afterProbeRtt;
    private int _cycle;
    private long _cycleAt;
    private long _aggregationAt, _aggregated;
    private long _priorWindow, _conserveUntilRound = -1;
    private long _ackedInRound, _lostInRound;
    private long _judged, _judgedLost; // of the last rounds, until they are enough
    private bool _isHeavySinceProbe;
    private double _cruiseAcked, _cruiseLost; // of the last rounds at the path's own rate
    private long _cruiseFrom; // the first round after the search whose losses are not the search's
    private long _roundRtt = long.MaxValue; // the smallest of this round
    private double _bound = double.PositiveInfinity; // bytes in flight that heavy loss left us

    private readonly CrowdLimit _crowd = new();

    public long Window { get; private set; } = InitialPackets * packetSize;

    public double PacingRate { get; private set; }

    public void OnSent(long now, long inFlightBefore, bool isAppLimited)
    {
        if (PacingRate == 0) SetPacingRate();
        if (inFlightBefore > 0 || !isAppLimited) return;
        (_aggregationAt, _aggregated) = (now, 0);
        if (_minRttAt != 0 && _mode != Mode.ProbeRtt) _minRttAt = Math.Max(_minRttAt, now - MinRttLife); // silence is no queue
        if (_mode == Mode.ProbeBandwidth) PacingRate = Math.Max(PacingRate, _bandwidth.Value * PacingMargin);
    }

    public void OnAck(in AckSample sample)
    {
        _packetSize = sample.PacketSize;
        if (_smoothedRtt == 0) PacingRate = 0; // was a guess without a round trip
        _smoothedRtt = sample.SmoothedRtt;
        UpdateRound(sample);
        UpdateBandwidth(sample);
        UpdateAggregation(sample);
        UpdateBound(sample);
        _crowd.OnAck(sample, _isRoundStart, PipeSize(_smoothedRtt) / _packetSize);
        UpdateCycle(sample);
        CheckPipeFull(sample);
        CheckDrained(sample);
        UpdateMinRtt(sample);
        SetPacingRate();
        SetWindow(sample);
    }

    public void OnCongestion(long now, long inFlight)
    {
        if (!_isPipeFull) return; // a search that fills the pipe is ended by UpdateBound
        SaveWindow();
        Window = Math.Max(Math.Min(Window, inFlight), MinPackets * _packetSize);
        _conserveUntilRound = _round + 1;
    }

    public void OnTimeout(long now, long inFlight)
    {
        SaveWindow();
        _crowd.OnTimeout();
        Window = inFlight + _packetSize;
        _conserveUntilRound = -1;
    }

    public void OnRecovered(long now) => Window = Math.Max(Window, _priorWindow);

    /// <summary>Rate and window stay as a first guess; the new path may have more to give, so it is searched from there.</summary>
    public void OnPathChanged(long now)
    {
        (_minRtt, _fullBandwidth, _fullRounds, _isPipeFull) = (0, 0, 0, false);
        _bound = double.PositiveInfinity;
        _cruiseAcked = _cruiseLost = 0;
        _crowd.Reset();
        Enter(Mode.Startup, StartupGain, WindowGain);
    }

    private void UpdateRound(in AckSample sample)
    {
        _isRoundStart = sample.Rate.PriorDelivered >= _roundEnd;
        if (!_isRoundStart) return;
        _roundEnd = sample.Delivered;
        _round++;
    }

    private void UpdateBandwidth(in AckSample sample)
    {
        if (!sample.Rate.IsValid) return;
        double rate = sample.Rate.BytesPerSecond;
        if (!sample.Rate.IsAppLimited || rate >= _bandwidth.Value) _bandwidth.Add(rate, _round);
    }

    /// <summary>How far acknowledgements ran ahead of the bandwidth: peers and links that answer in bunches need a larger window.</summary>
    private void UpdateAggregation(in AckSample sample)
    {
        double expected = _bandwidth.Value * (sample.Now - _aggregationAt) / 1e6;
        if (_aggregated <= expected)
        {
            (_aggregationAt, _aggregated) = (sample.Now, 0);
            expected = 0;
        }
        _aggregated += sample.Acked;
        _aggregation.Add(Math.Min(_aggregated - expected, Window), _round);
    }

    /// <summary>A round of heavy loss means that the path holds less than the model says; quiet probing raises the bound again.</summary>
    private void UpdateBound(in AckSample sample)
    {
        UpdateCruise(sample);
        _judged += sample.Acked + sample.Lost;
        _judgedLost += sample.Lost;
        bool isEnough = _judgedLost >= MinLossPackets * _packetSize;
        double share = isEnough ? (double)_judgedLost / _judged : 0;
        bool isOvershoot = !_isPipeFull && share > OvershootLoss; // no need to hear the round out
        if (!_isRoundStart && !isOvershoot) return;
        if (!isEnough && _judged < MinLossPackets / HeavyLoss * _packetSize) return; // small rounds are judged together
        (_judged, _judgedLost) = (0, 0);
        if (share <= HeavyLoss) return;
        if (!_isPipeFull)
        {
            bool isGrowing = _bandwidth.Value >= _fullBandwidth * FullGrowth;
            if (isGrowing && !isOvershoot) return; // a full pipe would not: these losses are the link's own
            (_isPipeFull, _fullBandwidth) = (true, _bandwidth.Value);
        }
        _isHeavySinceProbe = true;
        double inFlight = Math.Max(sample.Rate.InFlightAtSend, sample.InFlightBefore);
        // The path alone: what streams on a full queue take for the smallest round trip has the queue in it.
        double pipe = PipeSize(Math.Min(_minRtt, sample.MinRtt));
        _bound = Math.Max(Math.Min(_bound, inFlight) * BoundDecrease, 1.25 * pipe + MinPackets * _packetSize);
    }

    /// <summary>Losses while no more is sent than the path delivers, and the queue runs empty, are the link's own.</summary>
    private void UpdateCruise(in AckSample sample)
    {
        _ackedInRound += sample.Acked;
        _lostInRound += sample.Lost;
        if (sample.Rtt > 0) _roundRtt = Math.Min(_roundRtt, sample.Rtt);
        if (!_isRoundStart) return;
        // Late threads and timers are no queue. Where a whole queue is shorter than they are late, its losses count as well. Simulated with 1 to 8
        // streams on such links, a floor of nothing loses a little less in some cases and more in others, and uses the link no better.
        bool isQueueEmpty = _roundRtt <= _minRtt + _minRtt / 32 + RttFloor;
        if (_mode == Mode.ProbeBandwidth && _cycle > ProbeHeardCycle && _round >= _cruiseFrom)
        {
            _cruiseAcked += _ackedInRound - _cruiseAcked / CruiseRounds;
            _cruiseLost += (isQueueEmpty ? _lostInRound : 0) - _cruiseLost / CruiseRounds;
        }
        (_ackedInRound, _lostInRound, _roundRtt) = (0, 0, long.MaxValue);
    }

    private void UpdateCycle(in AckSample sample)
    {
        if (_mode != Mode.ProbeBandwidth) return;
        bool isOver = sample.Now - _cycleAt > Math.Max(_minRtt, RttFloor);
        if (_pacingGain > 1)
        {
            bool isFilled = sample.InFlightBefore >= Math.Min(_pacingGain * PipeSize(_minRtt), _bound);
            isOver &= isFilled || sample.Lost > 0 || sample.Rate.IsAppLimited;
        }
        else if (_pacingGain < 1) isOver |= sample.InFlight <= PipeSize(_minRtt);
        if (!isOver) return;
        if (_cycle == ProbeHeardCycle && !_isHeavySinceProbe) RaiseBound();
        StartPhase((_cycle + 1) % CycleGains.Length, sample.Now);
        _isHeavySinceProbe &= _cycle > 0;
    }

    private void RaiseBound()
    {
        _bound *= BoundIncrease;
        if (_bound > TargetWindow) _bound = double.PositiveInfinity;
    }

    private void StartPhase(int cycle, long now)
    {
        (_cycle, _cycleAt) = (cycle, now);
        _pacingGain = CycleGains[cycle];
    }

    private void CheckPipeFull(in AckSample sample)
    {
        if (_isPipeFull || !_isRoundStart || sample.Rate.IsAppLimited || !sample.Rate.IsValid) return;
        if (_bandwidth.Value >= _fullBandwidth * FullGrowth)
        {
            (_fullBandwidth, _fullRounds) = (_bandwidth.Value, 0);
            return;
        }
        _isPipeFull = ++_fullRounds >= 3;
    }

    private void CheckDrained(in AckSample sample)
    {
        if (_mode == Mode.Startup && _isPipeFull) Enter(Mode.Drain, 1 / StartupGain, WindowGain);
        if (_mode == Mode.Drain && sample.InFlight <= PipeSize(Math.Max(_minRtt, RttFloor))) EnterProbeBandwidth(sample.Now);
    }

    private void UpdateMinRtt(in AckSample sample)
    {
        bool isExpired = _minRtt > 0 && sample.Now - _minRttAt > MinRttLife;
        if (sample.Rtt > 0 && (_minRtt == 0 || sample.Rtt <= _minRtt || isExpired)) (_minRtt, _minRttAt) = (sample.Rtt, sample.Now);
        if (isExpired && _mode != Mode.ProbeRtt)
        {
            SaveWindow();
            _afterProbeRtt = _isPipeFull ? Mode.ProbeBandwidth : Mode.Startup;
            Enter(Mode.ProbeRtt, 1, 1);
            _probeRttEnd = 0;
        }
        if (_mode != Mode.ProbeRtt) return;
        if (_probeRttEnd == 0 && sample.InFlight <= ProbeRttWindow)
            (_probeRttEnd, _roundEnd) = (sample.Now + Math.Max(ProbeRttTime, _minRtt), sample.Delivered);
        if (_probeRttEnd == 0 || sample.Now < _probeRttEnd) return;
        _minRttAt = sample.Now;
        Window = Math.Max(Window, _priorWindow);
        if (_afterProbeRtt == Mode.ProbeBandwidth) EnterProbeBandwidth(sample.Now);
        else Enter(Mode.Startup, StartupGain, WindowGain);
    }

    private void EnterProbeBandwidth(long now)
    {
        Enter(Mode.ProbeBandwidth, 1, WindowGain);
        _cruiseFrom = _round + 2; // this round is the search's, and the next hears of its losses
        int cycle = random.Next(CycleGains.Length - 1); // any phase but the draining one, which belongs behind a probe
        StartPhase(cycle == 0 ? 0 : cycle + 1, now);
    }

    private void Enter(Mode mode, double pacingGain, double windowGain) =>
        (_mode, _pacingGain, _windowGain) = (mode, pacingGain, windowGain);

    private void SetPacingRate()
    {
        double rate = _bandwidth.Value > 0
            ? _pacingGain * _bandwidth.Value * PacingMargin * (_pacingGain == 1 ? 1 / (1 - LinkLoss) : 1)
            : StartupGain * Window * 1e6 / Math.Max(_smoothedRtt, RttFloor);
        // The window never closes below MinPackets a round trip, so neither does the rate: an outage must not be taken for the path.
        rate = Math.Max(rate, MinPackets * _packetSize * 1e6 / Math.Max(_smoothedRtt, RttFloor));
        if (_isPipeFull || rate > PacingRate) PacingRate = rate;
        PacingRate = Math.Min(PacingRate, _crowd.Packets * _packetSize * 1e6 / Math.Max(_smoothedRtt, RttFloor));
    }

    /// <summary>The share of packets that the link loses however few are sent; what is paced has to make up for it.</summary>
    private double LinkLoss => _cruiseAcked == 0 ? 0 : Math.Min(_cruiseLost / (_cruiseAcked + _cruiseLost), HeavyLoss);

    private void SetWindow(in AckSample sample)
    {
        long minimum = MinPackets * _packetSize;
        if (_round < _conserveUntilRound) Window = Math.Max(Window - sample.Lost, sample.InFlight + sample.Acked);
        else if (_isPipeFull) Window = (long)Math.Min(Window + sample.Acked, TargetWindow);
        else if (Window < TargetWindow || sample.Delivered < InitialPackets * _packetSize) Window += sample.Acked;
        if (_mode is Mode.ProbeBandwidth or Mode.Drain) Window = (long)Math.Min(Window, _bound);
        if (_mode == Mode.ProbeRtt) Window = Math.Min(Window, ProbeRttWindow);
        Window = Math.Max(Window, minimum);
        Window = (long)Math.Min(Window, Math.Max(1, _crowd.Packets) * _packetSize);
    }

    private void SaveWindow() =>
        _priorWindow = _mode != Mode.ProbeRtt && _conserveUntilRound <= _round ? Window : Math.Max(_priorWindow, Window);

    private double TargetWindow => _minRtt == 0 ? InitialPackets * _packetSize
        : _windowGain * PipeSize(Math.Max(_minRtt, RttFloor)) + Aggregation + 3 * SendQuantum;

    private double Aggregation => _isPipeFull ? Math.Min(_aggregation.Value, _bandwidth.Value * MaxAggregationTime / 1e6) : 0;

    private double SendQuantum => Math.Clamp(PacingRate / 1000, _packetSize, 64 * 1024);

    private long ProbeRttWindow => Math.Max(MinPackets * _packetSize, (long)PipeSize(Math.Max(_minRtt, RttFloor)) / 2);

    /// <summary>The bandwidth-delay product, in bytes.</summary>
    private double PipeSize(long rtt) => rtt == 0 ? InitialPackets * _packetSize : _bandwidth.Value * rtt / 1e6;
}
