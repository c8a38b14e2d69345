namespace PeopleSwarm.Dht.Connect;

public class ConnectLogTests
{
    [Fact]
    public void A_line_is_put_into_words_when_it_is_read()
    {
        int worded = 0;
        var log = new ConnectLog(progress: null, () => TimeSpan.Zero);
        log.Add("first");
        log.Add(() => $"line {++worded}");
        Assert.Equal(0, worded);
        Assert.Equal(["first", "line 1"], log.Lines);
    }

    [Fact]
    public void Who_follows_is_told_at_once_and_when()
    {
        var steps = new Steps();
        var log = new ConnectLog(steps, () => TimeSpan.FromSeconds(3));
        log.Add(() => "dialled");
        Assert.Equal(new PeerConnectStep(TimeSpan.FromSeconds(3), "dialled"), Assert.Single(steps.All));
    }

    [Fact]
    public void Lines_are_bounded()
    {
        var log = new ConnectLog(progress: null, () => TimeSpan.Zero);
        for (int i = 0; i < 100; i++) log.Add("again");
        Assert.Equal(64, log.Lines.Count);
    }

    private sealed class Steps : IProgress<PeerConnectStep>
    {
        public List<PeerConnectStep> All { get; } = [];

        public void Report(PeerConnectStep value) => All.Add(value);
    }
}
