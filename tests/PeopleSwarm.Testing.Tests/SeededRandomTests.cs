namespace PeopleSwarm.Testing;

public class SeededRandomTests
{
    [Fact]
    public void A_seed_gives_one_sequence()
    {
        Assert.Equal(Bytes(new SeededRandom(3)), Bytes(new SeededRandom(3)));
        Assert.NotEqual(Bytes(new SeededRandom(3)), Bytes(new SeededRandom(4)));
    }

    [Fact]
    public void A_fork_does_not_depend_on_what_was_drawn_before()
    {
        var random = new SeededRandom(3);
        byte[] early = Bytes(random.Fork(5));
        Bytes(random);
        Assert.Equal(early, Bytes(random.Fork(5)));
        Assert.NotEqual(early, Bytes(random.Fork(6)));
    }

    [Fact]
    public void Numbers_stay_in_range_and_reach_its_ends()
    {
        IRandomSource random = new SeededRandom(1);
        var drawn = Enumerable.Range(0, 1000).Select(_ => random.Next(7)).ToHashSet();
        Assert.Equal([0, 1, 2, 3, 4, 5, 6], drawn.Order());
        var shares = Enumerable.Range(0, 10_000).Select(_ => ((SeededRandom)random).NextDouble()).ToList();
        Assert.All(shares, s => Assert.InRange(s, 0, 0.9999999999999999));
        Assert.InRange(shares.Average(), 0.48, 0.52);
    }

    private static byte[] Bytes(SeededRandom random)
    {
        byte[] bytes = new byte[37];
        random.Fill(bytes);
        return bytes;
    }
}
