using PeopleSwarm.Noise.SecretStream;

namespace PeopleSwarm.Noise;

public class SilenceTimersTests
{
    [Fact]
    public void A_keep_alive_that_is_due_at_once_is_sent()
    {
        int sent = 0;
        using KeepAliveTimer timer = new(new HastyTime(), TimeSpan.Zero, _ => sent++, null);
        Assert.Equal(1, sent);
    }

    [Fact]
    public void A_silence_that_is_looked_at_too_early_is_looked_at_again()
    {
        HastyTime time = new();
        using SilenceTimer timer = new(time, TimeSpan.FromHours(1), () => Assert.Fail("An hour is not over."));
        Assert.InRange(time.LastDue, TimeSpan.FromMinutes(59), TimeSpan.FromHours(1));
    }
}
