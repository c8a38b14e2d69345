using PeopleSwarm.Dht.Messages;

namespace PeopleSwarm.Dht.Rpc;

public class RequestWindowTests
{
    [Fact]
    public void Slots_follow_the_vectors()
    {
        var window = new RequestWindow(4, default);
        foreach (var step in RpcVectors.Section("congestion_window").GetProperty("steps").EnumerateArray())
        {
            switch (step.Text("op"))
            {
                case "send":
                    window.Sent();
                    break;
                case "recv":
                    window.Settled();
                    break;
                case "drain":
                    window.Drain();
                    break;
                case var op:
                    throw new InvalidOperationException($"No test for {op}.");
            }
            Assert.Equal(step.GetProperty("slots").EnumerateArray().Select(s => s.GetInt32()), window.Counts);
            Assert.Equal(step.Int("current"), window.Current);
            Assert.Equal(step.Int("total"), window.Total);
            Assert.Equal(step.GetProperty("full").GetBoolean(), window.IsFull);
        }
    }

    [Fact]
    public void Time_empties_it()
    {
        var window = new RequestWindow(2, default);
        window.Sent();
        window.Sent();
        Assert.True(window.IsFull);
        window.Advance(new(750_000));
        Assert.False(window.IsFull);
        Assert.Equal(2, window.Total);
        window.Advance(new(3_600_000_000));
        Assert.Equal(0, window.Total);
        Assert.True(window.NextSlot > new Timestamp(3_600_000_000));
    }
}
