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
}
