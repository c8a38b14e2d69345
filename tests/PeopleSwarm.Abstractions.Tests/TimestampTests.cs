namespace PeopleSwarm;

public class TimestampTests
{
    [Fact]
    public void Adds_and_subtracts_in_microseconds()
    {
        var start = new Timestamp(5);
        Assert.Equal(new Timestamp(1_000_005), start + TimeSpan.FromSeconds(1));
        Assert.Equal(TimeSpan.FromMicroseconds(7), new Timestamp(12) - start);
    }

    [Fact]
    public void The_earliest_deadline_ignores_those_that_are_never()
    {
        Assert.Null(Timestamp.Earliest(null, null));
        Assert.Equal(new Timestamp(3), Timestamp.Earliest(null, new Timestamp(3)));
        Assert.Equal(new Timestamp(2), Timestamp.Earliest(new Timestamp(2), new Timestamp(3)));
    }

    [Fact]
    public void The_clock_is_read_in_whole_microseconds_without_overflow()
    {
        Assert.Equal(new Timestamp(1), Timestamp.Now(new Clock(1_999, 1_000_000_000)));
        Assert.Equal(new Timestamp(9_223_372_036_854_775), Timestamp.Now(new Clock(long.MaxValue, 1_000_000_000)));
        Assert.Equal(new Timestamp(300), Timestamp.Now(new Clock(3, 10_000)));
    }

    [Fact]
    public void Operators_and_methods_agree()
    {
        Timestamp early = new(5), late = new(7);
        Assert.True(early < late && late > early && early <= late && late >= early && early <= new Timestamp(5));
        Assert.False(late < early || early > late);
        Assert.Equal(late, early.Add(TimeSpan.FromMicroseconds(2)));
        Assert.Equal(TimeSpan.FromMicroseconds(2), late.Subtract(early));
        Assert.Equal(early, late - TimeSpan.FromMicroseconds(2));
        Assert.Equal("0.000007s", late.ToString());
        Assert.True(late < Timestamp.MaxValue);
    }

    private sealed class Clock(long ticks, long frequency) : TimeProvider
    {
        public override long TimestampFrequency => frequency;
        public override long GetTimestamp() => ticks;
    }
}
