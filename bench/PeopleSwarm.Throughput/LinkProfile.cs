namespace PeopleSwarm.Throughput;

/// <summary>A link between the two sides: a bottleneck with a queue in front of it, delay behind it, and loss.</summary>
/// <param name="BitsPerSecond">What the bottleneck carries, IP and UDP headers included.</param>
/// <param name="RoundTrip">Delay of both directions together.</param>
/// <param name="Loss">Share of datagrams lost, in each direction.</param>
/// <param name="QueueInBdp">Length of the queue in bandwidth-delay products.</param>
internal sealed record LinkProfile(double BitsPerSecond, TimeSpan RoundTrip, double Loss = 0, double QueueInBdp = 1)
{
    /// <summary>IPv4 and UDP headers of a datagram.</summary>
    public const int HeaderBytes = 28;

    private const double PacketBytes = 1500, PayloadBytes = PacketBytes - HeaderBytes - 20; // UDX has a header of 20 bytes
    private static readonly TimeSpan s_duration = TimeSpan.FromSeconds(12);

    public double BytesPerSecond => BitsPerSecond / 8;

    /// <summary>Stream bytes that full packets carry in a second.</summary>
    public double PayloadBytesPerSecond => BytesPerSecond * PayloadBytes / PacketBytes;

    public int QueueBytes => (int)(BytesPerSecond * RoundTrip.TotalSeconds * QueueInBdp);

    /// <summary>Bytes a run moves: what takes about twelve seconds.</summary>
    public long RunBytes => (long)(PayloadBytesPerSecond * s_duration.TotalSeconds);
}
