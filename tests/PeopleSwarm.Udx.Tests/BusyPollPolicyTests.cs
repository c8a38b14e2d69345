namespace PeopleSwarm.Udx;

public class BusyPollPolicyTests
{
    private static readonly TimeSpan s_spin = TimeSpan.FromMicroseconds(100);
    private static readonly TimeSpan s_inTime = TimeSpan.FromMicroseconds(99);

    private readonly BusyPollPolicy _policy = new(s_spin);
    private Timestamp _now = new(1_000_000);

    [Fact]
    public void Eight_answers_in_time_turn_it_on()
    {
        Answer(s_inTime, times: 7);
        Assert.False(_policy.IsOn);
        Answer(s_inTime);
        Assert.True(_policy.IsOn);
    }

    [Fact]
    public void An_answer_is_expected_from_a_message_until_something_comes()
    {
        Answer(s_inTime, times: 8);
        Assert.False(_policy.ExpectsAnswer);
        _policy.OnSent(_now);
        Assert.True(_policy.ExpectsAnswer);
        _policy.OnReceived(_now, 1);
        Assert.False(_policy.ExpectsAnswer);
    }

    [Fact]
    public void Two_late_answers_are_forgiven_and_a_third_turns_it_off()
    {
        Answer(s_inTime, times: 1000);
        Answer(s_spin, times: 2);
        Assert.True(_policy.IsOn);
        Answer(s_spin);
        Assert.False(_policy.IsOn);
    }

    [Fact]
    public void One_late_answer_in_five_leaves_it_on()
    {
        Answer(s_inTime, times: 16);
        for (int i = 0; i < 1000; i++)
        {
            Answer(s_spin);
            Assert.True(_policy.IsOn);
            Answer(s_inTime, times: 4);
        }
    }

    [Fact]
    public void Messages_that_nobody_asked_for_and_transfers_never_turn_it_on()
    {
        for (int i = 0; i < 1000; i++) _policy.OnReceived(_now, 1);
        Assert.False(_policy.IsOn);
        Answer(s_inTime, times: 1000, datagrams: 3);
        Assert.False(_policy.IsOn);
    }

    [Fact]
    public void A_reader_that_is_slower_than_the_time_to_poll_counts_as_a_late_answer()
    {
        Answer(s_inTime, times: 1000);
        for (int i = 0; i < 100; i++) _policy.OnLoan(s_inTime);
        Assert.True(_policy.IsOn);
        for (int i = 0; i < 3; i++) _policy.OnLoan(s_spin);
        Assert.False(_policy.IsOn);
        Answer(s_inTime, times: 8);
        Assert.True(_policy.IsOn);
    }

    [Fact]
    public void A_reader_that_holds_up_others_turns_it_off_for_a_hundred_answers()
    {
        Answer(s_inTime, times: 1000);
        _policy.OnLoan(TimeSpan.FromMilliseconds(1));
        Assert.False(_policy.IsOn);
        Answer(s_spin);
        Answer(s_inTime, times: 107);
        Assert.False(_policy.IsOn);
        Answer(s_inTime);
        Assert.True(_policy.IsOn);
    }

    [Fact]
    public void Who_takes_part_in_a_transfer_is_lent_the_thread_while_quick()
    {
        for (int i = 0; i < 100; i++) _policy.OnLoan(s_inTime);
        Assert.True(_policy.MayLend);
        Assert.True(_policy.MayLendToReader(3));
        Assert.False(_policy.MayLendToReader(2)); // a lone message
        Answer(s_inTime, times: 8);
        Assert.True(_policy.MayLendToReader(2));
    }

    [Theory, InlineData(100, 10), InlineData(999, 10), InlineData(1000, 100)]
    public void After_a_slow_one_the_next_is_lent_it_some_turns_later(int microseconds, int turns)
    {
        _policy.OnLoan(TimeSpan.FromMicroseconds(microseconds));
        for (int i = 0; i < turns; i++)
        {
            Assert.False(_policy.MayLend);
            Assert.False(_policy.MayLendToReader(3));
            _policy.OnTurn();
        }
        Assert.True(_policy.MayLend);
        Assert.True(_policy.MayLendToReader(3));
    }

    [Fact]
    public void A_long_pause_is_not_cut_short_by_another_slow_one()
    {
        _policy.OnLoan(TimeSpan.FromMilliseconds(1));
        _policy.OnLoan(s_spin);
        for (int i = 0; i < 99; i++) _policy.OnTurn();
        Assert.False(_policy.MayLend);
    }

    [Fact]
    public void Zero_is_never()
    {
        BusyPollPolicy never = new(TimeSpan.Zero);
        Assert.False(never.MayLend);
        Assert.False(never.MayLendToReader(1000));
        for (int i = 0; i < 1000; i++)
        {
            never.OnSent(_now);
            never.OnReceived(_now, 1);
        }
        Assert.False(never.IsOn);
    }

    private void Answer(TimeSpan after, int times = 1, int datagrams = 1)
    {
        for (int i = 0; i < times; i++)
        {
            _policy.OnSent(_now);
            _now += after;
            _policy.OnReceived(_now, datagrams);
        }
    }
}
