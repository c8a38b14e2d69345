using PeopleSwarm.Dht.Connect;
using PeopleSwarm.Dht.TestKit;

namespace PeopleSwarm.Dht.Relay;

public class RelayPairingTests
{
    [Fact]
    public void A_limit_that_is_over_at_once_ends_the_wait()
    {
        List<string> reasons = [];
        int settled = 0;
        RelayPairingEvents events = new((_, leg, reason) => reasons.Add(leg is null ? reason : "paired"), (_, _) => Assert.Fail("It was never paired."));
        RelayPairing pairing = new(new(PeerKit.Key(1).PublicKey, new Topic(new byte[32])), true, new FakeStream(7, new()), events, work => work(default),
            () => settled++, TimeSpan.FromTicks(1), new HastyTime());
        Assert.Equal((true, 1), (pairing.IsSettled, settled));
        Assert.Equal(["it did not pair us in time"], reasons);
    }

    /// <summary>A clock whose timers call back before the caller goes on, as a busy machine makes them do.</summary>
    private sealed class HastyTime : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            HastyTimer timer = new(callback, state);
            timer.Change(dueTime, period);
            return timer;
        }
    }

    private sealed class HastyTimer(TimerCallback callback, object? state) : ITimer
    {
        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            if (dueTime != Timeout.InfiniteTimeSpan) callback(state);
            return true;
        }

        public void Dispose() { }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
