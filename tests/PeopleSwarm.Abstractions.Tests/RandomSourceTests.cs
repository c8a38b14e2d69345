namespace PeopleSwarm;

public class RandomSourceTests
{
    private readonly IRandomSource _random = new SystemRandomSource();

    [Fact]
    public void Numbers_stay_below_the_maximum_and_reach_all_below_it() =>
        Assert.Equal([0, 1, 2], Enumerable.Range(0, 500).Select(_ => _random.Next(3)).Distinct().Order());

    [Theory, InlineData(0), InlineData(-1)]
    public void A_maximum_below_one_is_refused(int maximum) =>
        Assert.Throws<ArgumentOutOfRangeException>("exclusiveMax", () => _random.Next(maximum));

    [Fact]
    public void The_system_source_fills_with_new_bytes()
    {
        byte[] one = new byte[64], other = new byte[64];
        _random.Fill(one);
        _random.Fill(other);
        Assert.NotEqual(one, other);
    }

    [Fact]
    public void Numbers_are_not_said_again()
    {
        const int count = 10_000, byChance = 3; // a pair is to be expected once in eighty runs
        Assert.InRange(Enumerable.Range(0, count).Select(_ => _random.NextUInt32()).Distinct().Count(), count - byChance, count);
    }
}
