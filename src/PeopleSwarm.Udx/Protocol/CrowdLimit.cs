namespace PeopleSwarm.Udx.Protocol;

/// <summary>
/// A link shared by so many streams that a few packets of each are more than it holds. Where few packets a round trip arrive and many are lost, this
/// bounds window and rate in packets a round trip, even below one, by additive increase and multiplicative decrease.
/// </summary>
internal sealed class CrowdLimit
{
    private const double HeavyLoss = 0.2; // more than links lose by themselves
    private const double LossPackets = 32; // over which losses are averaged
    private const double SmallShare = 8; // delivered in a round trip; who has more has room to shrink by its own means
    private const double Start = 2, Least = 0.25, Increase = 0.1;
    private const int CleanRounds = 8; // without a loss, until the increase doubles: an outage is soon over

    private double _lossShare;
    private int _roundsSinceLoss;
    private bool _hasCut; // once a round is enough

    /// <summary>Packets a round trip; infinite where there is no crowd.</summary>
    public double Packets { get; private set; } = double.PositiveInfinity;

    private bool IsCrowded => Packets < double.PositiveInfinity;

    /// <summary>Takes an acknowledgement; <paramref name="delivered"/> is the path's rate in packets a round trip.</summary>
    public void OnAck(in AckSample sample, bool isRoundStart, double delivered)
    {
        double bytes = sample.Acked + sample.Lost;
        if (bytes > 0) Average(sample.Lost / bytes, bytes / sample.PacketSize);
        if (isRoundStart) _hasCut = false;
        if (sample.Lost > 0) OnLoss(delivered);
        else if (isRoundStart && IsCrowded) Grow();
    }

    public void OnTimeout()
    {
        Average(1, 1);
        if (IsCrowded) Cut();
    }

    public void Reset() => (Packets, _lossShare, _roundsSinceLoss) = (double.PositiveInfinity, 0, 0);

    private void Average(double share, double packets) => _lossShare += (share - _lossShare) * Math.Min(1, packets / LossPackets);

    private void OnLoss(double delivered)
    {
        if (IsCrowded) Cut();
        else if (_lossShare > HeavyLoss && delivered <= SmallShare) (Packets, _roundsSinceLoss, _hasCut) = (Start, 0, true);
    }

    private void Cut()
    {
        _roundsSinceLoss = 0;
        if (!_hasCut) Packets = Math.Max(Packets / 2, Least);
        _hasCut = true;
    }

    private void Grow()
    {
        Packets += Increase * (1 << Math.Min(_roundsSinceLoss++ / CleanRounds, 10));
        if (Packets > SmallShare) Reset();
    }
}
