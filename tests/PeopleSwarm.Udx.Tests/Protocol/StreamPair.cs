using PeopleSwarm.Testing;

namespace PeopleSwarm.Udx.Protocol;

/// <summary>Two endpoints with a stream each, joined by a simulated network.</summary>
internal sealed class StreamPair
{
    private static readonly UdpEndPoint s_alice = new(0x05000001, 1000), s_bob = new(0x05000002, 2000);

    public StreamPair(long seed, UdxOptions? options = null, LinkOptions? link = null)
    {
        options ??= new();
        Net = new SimulatedNetwork(seed);
        if (link is not null) Net.Link = link;
        Alice = new(Net.Add(s_alice, new UdxEndpoint(options, Net.Random.Fork(1))), 11);
        Bob = new(Net.Add(s_bob, new UdxEndpoint(options, Net.Random.Fork(2))), 22);
        Alice.Machine.Connect(Net.Now, default, 22, s_bob);
        Bob.Machine.Connect(Net.Now, default, 11, s_alice);
    }

    public SimulatedNetwork Net { get; }

    public TestStream Alice { get; }

    public TestStream Bob { get; }

    public bool BothClosed => Alice.Closed is not null && Bob.Closed is not null;

    /// <summary>Bytes with a pattern that a shift or a gap would break.</summary>
    public static byte[] Pattern(int length, int salt = 0)
    {
        byte[] bytes = new byte[length];
        uint state = (uint)salt * 2654435761u + 1;
        for (int i = 0; i < length; i++)
        {
            state = state * 1664525 + 1013904223;
            bytes[i] = (byte)(state >> 24);
        }
        return bytes;
    }

    /// <summary>What must hold at every moment: received is a prefix of written, and memory is within the options.</summary>
    public void CheckInvariants()
    {
        AssertPrefix(Alice, Bob);
        AssertPrefix(Bob, Alice);
    }

    public void AssertDelivered()
    {
        Assert.Equal(Alice.Written, Bob.Received);
        Assert.Equal(Bob.Written, Alice.Received);
    }

    private static void AssertPrefix(TestStream from, TestStream to)
    {
        Assert.True(to.ReceivedLength <= from.End);
        Assert.True(from.Written.StartsWith(to.Received));
        Assert.True(from.Acknowledged <= to.ReceivedLength);
    }
}
