using PeopleSwarm.Testing;

namespace PeopleSwarm.Dht.Connect;

public class UpgradeScheduleTests
{
    [Theory, InlineData(1), InlineData(2), InlineData(3)]
    public void Pauses_begin_with_10_to_20_s_double_and_come_to_an_end(int seed)
    {
        var schedule = new UpgradeSchedule(tries: 6, new SeededRandom(seed));
        double[] pauses = [.. Enumerable.Range(0, 6).Select(_ => schedule.Next()!.Value.TotalSeconds)];
        Assert.InRange(pauses[0], 10, 20);
        for (int i = 1; i < pauses.Length; i++) Assert.Equal(Math.Min(160, 2 * pauses[i - 1]), pauses[i], precision: 3);
        Assert.Null(schedule.Next());
        Assert.All(pauses, p => Assert.True(p < UpgradeSchedule.Patience.TotalSeconds - 30)); // the other side is still there
    }
}
