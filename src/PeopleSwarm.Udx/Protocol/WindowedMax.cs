namespace PeopleSwarm.Udx.Protocol;

/// <summary>The largest value of the last rounds, from three candidates (Kathleen Nichols' filter).</summary>
internal struct WindowedMax(long length)
{
    private readonly record struct Sample(double Value, long Time);

    private Sample _best, _second, _third;

    public readonly double Value => _best.Value;

    public void Reset(double value, long time) => _best = _second = _third = new(value, time);

    public void Add(double value, long time)
    {
        Sample sample = new(value, time);
        if (value >= _best.Value || time - _third.Time > length)
        {
            _best = _second = _third = sample;
            return;
        }
        if (value >= _second.Value) _second = _third = sample;
        else if (value >= _third.Value) _third = sample;
        if (time - _best.Time > length)
        {
            (_best, _second, _third) = (_second, _third, sample);
            if (time - _best.Time > length) (_best, _second, _third) = (_second, _third, sample);
        }
        else if (_second.Time == _best.Time && time - _best.Time > length / 4) _second = _third = sample;
        else if (_third.Time == _second.Time && time - _second.Time > length / 2) _third = sample;
    }
}
