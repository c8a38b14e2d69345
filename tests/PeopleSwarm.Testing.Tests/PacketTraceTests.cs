namespace PeopleSwarm.Testing;

public class PacketTraceTests
{
    private static readonly UdpEndPoint s_alice = new(0x05000001, 1000), s_bob = new(0x05000002, 2000);
    private readonly SimulatedNetwork _net = new(1) { Latency = TimeSpan.FromMilliseconds(10) };
    private readonly Sender _alice;

    public PacketTraceTests()
    {
        _alice = _net.Add(s_alice, new Sender());
        _net.Add(s_bob, new Sender());
    }

    [Fact]
    public void Tells_what_was_sent_and_what_became_of_it_and_what_the_test_notes()
    {
        Send(1);
        _net.Trace.Note(_net.Now, "bob goes away");
        _net.Hosts[1].Disconnect();
        Send(2);
        Assert.Equal(
        [
            "    0.000000  5.0.0.1:1000 -> 5.0.0.2:2000  1 bytes 01",
            "    0.010000  5.0.0.1:1000 => 5.0.0.2:2000  1 bytes 01",
            "    0.010000  bob goes away",
            "    0.010000  5.0.0.1:1000 -> 5.0.0.2:2000  1 bytes 02",
            "    0.020000  5.0.0.1:1000 HostDown 5.0.0.2:2000  1 bytes 02",
        ], Lines());
    }

    [Fact]
    public void Keeps_the_latest_and_none_where_none_are_wanted()
    {
        _net.Trace.Capacity = 3;
        for (byte i = 0; i < 5; i++) Send(i);
        Assert.Equal(["03", "04", "04"], Lines().Select(l => l[^2..]));
        _net.Trace.Capacity = 0;
        Send(9);
        Assert.Empty(Lines());
    }

    [Fact]
    public void Speaks_the_words_of_the_test_and_follows_a_run_as_it_happens()
    {
        List<string> followed = [];
        _net.Trace.Formatter = (head, length) => $"number {head[0]} of {length}";
        _net.Trace.Watch = followed.Add;
        Send(7);
        Assert.Equal(2, followed.Count);
        Assert.All(followed, line => Assert.EndsWith("number 7 of 1", line));
        Assert.Equal(followed, Lines());
    }

    private string[] Lines() => _net.Trace.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries);

    private void Send(byte number)
    {
        _alice.Send([number], s_bob);
        _net.RunFor(TimeSpan.FromMilliseconds(10));
    }
}
