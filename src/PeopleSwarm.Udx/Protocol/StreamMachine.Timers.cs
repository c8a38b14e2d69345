namespace PeopleSwarm.Udx.Protocol;

/// <summary>What a stream does when time passes.</summary>
internal sealed partial class StreamMachine
{
    private const int MaxTailProbes = 2; // before the retransmission timer takes over
    private const long TailLossSlack = 2000; // a peer's delay in acknowledging, and the grain of its timers
    private const long MinTailLossDelay = 4000;
    private const int CompleteAfterTimeouts = 3; // our lone END unanswered by a peer that ended
    private const long TogetherMicros = 10_000; // timeouts of other streams no longer ago are of the same burst
    private const long MaxWindowProbeDelay = 5_000_000;

    private long _lastSent; // of numbered packets
    private long _expectingSince; // when something was first sent that the peer must answer
    private bool _isOneOfMany; // streams that lost the same burst must not repeat it as one, again and again
    private long _armedAt; // when the retransmission timer was set
    private int _timeouts, _tailProbes;
    private int _heartbeats, _windowProbes; // sent since the peer was last heard
    private int _windowRounds; // probes since the window closed

    /// <summary>The peer lives.</summary>
    private void OnHeard() => (_heartbeats, _windowProbes) = (0, 0);

    /// <summary>The peer has got something new.</summary>
    private void OnProgress(long now)
    {
        (_timeouts, _tailProbes) = (0, 0);
        _tailProbeDue = false;
        _isOneOfMany = false;
    }

    private void StartExpecting(long now)
    {
        _expectingSince = now;
        if (!_timers.IsSet(StreamTimer.Idle)) _timers[StreamTimer.Idle] = now + RttEstimator.Micros(_endpoint.Options.IdleTimeout);
    }

    private void ArmLossTimers(long now)
    {
        if (!_timers.IsSet(StreamTimer.Retransmission)) ArmRetransmission(now);
        ArmTailLoss();
    }

    private void RestartLossTimers(long now)
    {
        _timers.Stop(StreamTimer.Retransmission);
        _timers.Stop(StreamTimer.TailLoss);
        if (_sent.Count == 0) return;
        ArmRetransmission(now);
        ArmTailLoss();
    }

    private void ArmRetransmission(long now)
    {
        _armedAt = now;
        long rto = _rtt.Rto(_timeouts);
        if (_isOneOfMany) rto -= _endpoint.Random.Next((int)(rto / 4));
        _timers[StreamTimer.Retransmission] = now + rto;
    }

    /// <summary>A probe goes out sooner than the retransmission timer would, during recovery as well (RFC 8985, 7.2).</summary>
    private void ArmTailLoss()
    {
        _timers.Stop(StreamTimer.TailLoss);
        if (!_rtt.HasSample || _timeouts > 0 || _tailProbes >= MaxTailProbes || _sent.InFlightCount == 0) return;
        if (_timers.IsSet(StreamTimer.Reorder)) return;
        long delay = Math.Max(2 * _rtt.Smoothed + TailLossSlack, MinTailLossDelay) << _tailProbes;
        long due = _lastSent + delay;
        if (due < _timers[StreamTimer.Retransmission]) _timers[StreamTimer.TailLoss] = due;
    }

    private void OnReorderTimeout(long now)
    {
        DetectLosses(now);
        ArmTailLoss();
        _endpoint.Enqueue(this);
    }

    private void OnTailLossTimeout(long now)
    {
        _tailProbes++;
        _tailProbeDue = true;
        ArmRetransmission(now);
        _endpoint.Enqueue(this);
    }

    private void OnRetransmissionTimeout(Timestamp now)
    {
        long micros = now.Microseconds;
        _endpoint.Counters.RetransmissionTimeouts++;
        _isOneOfMany = micros - _endpoint.LastTimeoutAt < TogetherMicros;
        _endpoint.LastTimeoutAt = micros;
        _mtu.OnTimeout();
        bool isAnswered = _peerWindow == 0 && _lastReceived > _armedAt; // a living peer that has no room
        if (!isAnswered) _timeouts++;
        if (_timeouts >= CompleteAfterTimeouts && IsOnlyEndMissing)
        {
            // If the peer is still there it lacks our END: repeated on every sign of life.
            var end = HeaderOf(PacketTypes.End) with { Seq = _sent.First };
            Close(now, new(StreamCloseReason.Completed), new LastWords(Remote, end));
            return;
        }
        if (_timeouts >= _endpoint.Options.MaxTimeouts)
        {
            Abort(now, StreamCloseReason.TimedOut, null);
            return;
        }
        MarkAllLost(micros - _rtt.Smoothed);
        (_isRecovering, _isAfterTimeout, _recoveryEnd, _resendAtOnce) = (true, true, _sent.Next, true);
        _timers.Stop(StreamTimer.Reorder);
        _timers.Stop(StreamTimer.TailLoss);
        _tailProbeDue = false;
        _model?.OnTimeout(micros, _inFlight);
        ArmRetransmission(micros);
        _endpoint.Enqueue(this);
    }

    /// <summary>Both sides ended, all our bytes are acknowledged: the peer is gone, its last acknowledgement was lost (spec udx, 5.6).</summary>
    private bool IsOnlyEndMissing => _peerEnded && _endSent && _sent.Count == 1 && _sent[_sent.First].PayloadLength == 0;

    private void MarkAllLost(long sentUpTo)
    {
        _hasHorizon = false;
        if (_hiddenPackets > 0) RevealHidden(_sent.Next);
        if (_sent.Count > 0 && _sent[_sent.First].Fate == PacketFate.InFlight) MarkLost(_sent.First);
        while (_sent.TryGetEarliest(out uint seq) && _sent[seq].SentAt <= sentUpTo) MarkLost(seq);
    }

    private void OnPathChanged(long now)
    {
        _rtt.OnPathChanged();
        _mtu.OnPathChanged(MaxMtu);
        _loss.OnPathChanged(_sent.Next);
        _model?.OnPathChanged(now);
        bool wasStuck = _timeouts > 0;
        OnProgress(now);
        if (wasStuck) MarkAllLost(now);
        if (_sent.Count == 0) return;
        RestartLossTimers(now);
        _tailProbeDue = true; // what the old path lost shows at once, and not after a timeout that knows no round trip
    }

    private void StartZeroWindow(long now)
    {
        _heartbeatDue = true;
        _windowProbes++;
        _windowRounds = 0;
        StartExpecting(now);
        _timers[StreamTimer.ZeroWindow] = now + WindowProbeDelay;
    }

    private long WindowProbeDelay => Math.Min(_rtt.Rto(_windowRounds), MaxWindowProbeDelay);

    /// <summary>The window is still closed: ask by a heartbeat, and if that went unanswered by a packet of data (spec udx, 8).</summary>
    private void OnZeroWindowTimeout(long now)
    {
        if (_peerWindow > 0 || _sent.Count > 0 || _send.End == _nextOffset) return;
        bool wasUnanswered = _windowProbes++ > 0;
        (_windowProbeDue, _heartbeatDue) = (wasUnanswered, !wasUnanswered);
        _windowRounds++;
        _timers[StreamTimer.ZeroWindow] = now + WindowProbeDelay;
        _endpoint.Enqueue(this);
    }

    private void StartKeepAlive(long now)
    {
        long interval = RttEstimator.Micros(_endpoint.Options.KeepAlive);
        if (interval > 0) _timers[StreamTimer.KeepAlive] = now + interval;
    }

    /// <summary>A heartbeat after silence; the next one, if nobody answered, in a form that older peers answer too.</summary>
    private void OnKeepAlive(long now)
    {
        long interval = RttEstimator.Micros(_endpoint.Options.KeepAlive);
        if (now - _lastSent >= interval) TrimMemory(now);
        long due = _lastReceived + interval;
        if (_sent.Count > 0) due = now + interval; // answers are due anyway
        if (due > now)
        {
            _timers[StreamTimer.KeepAlive] = due;
            return;
        }
        bool wasUnanswered = _heartbeats++ > 0;
        if (!wasUnanswered) StartExpecting(now);
        (_heartbeatDue, _echoDue) = (!wasUnanswered, wasUnanswered);
        _timers[StreamTimer.KeepAlive] = now + interval;
        _endpoint.Enqueue(this);
    }

    /// <summary>Gives back what a busier time needed.</summary>
    private void TrimMemory(long now)
    {
        _sent.Trim();
        if (_reorder is { Ranges.Count: 0 }) _reorder = null;
        _endpoint.Blocks.Trim(now);
    }

    private void OnIdle(Timestamp now)
    {
        bool isWindowClosed = _timers.IsSet(StreamTimer.ZeroWindow);
        if (_sent.Count == 0 && _heartbeats == 0 && !isWindowClosed) return;
        long due = Math.Max(_lastReceived, _expectingSince) + RttEstimator.Micros(_endpoint.Options.IdleTimeout);
        if (due > now.Microseconds) _timers[StreamTimer.Idle] = due;
        else Abort(now, StreamCloseReason.TimedOut, null);
    }
}
