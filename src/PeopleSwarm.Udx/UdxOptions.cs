using System.ComponentModel.DataAnnotations;

namespace PeopleSwarm;

/// <summary>Limits and timings of UDX streams. Read once, when a transport is made.</summary>
public sealed class UdxOptions
{
    /// <summary>Bytes a peer may send ahead of the reader of a stream. Default 4 MiB.</summary>
    [Range(64 * 1024, 256 * 1024 * 1024)]
    public int ReceiveWindow { get; set; } = 4 * 1024 * 1024;

    /// <summary>Memory a stream may hold for packets ahead of a gap, in bytes. Default 8 MiB; at least <see cref="ReceiveWindow"/>.</summary>
    [Range(64 * 1024, 512 * 1024 * 1024)]
    public int MaxReorderBytes { get; set; } = 8 * 1024 * 1024;

    /// <summary>Silence after which a heartbeat is sent, at most an hour; zero sends none. Default 10 s.</summary>
    public TimeSpan KeepAlive { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Silence after which a stream is given up while an answer is expected, 1 s to an hour. Default 30 s.</summary>
    public TimeSpan IdleTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Retransmission timeout before the first round trip is measured, 100 ms to 10 s. Default 1 s.</summary>
    public TimeSpan InitialRto { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>What the retransmission timeout is above the round trip at least, 10 ms to 5 s. Default 200 ms.</summary>
    public TimeSpan MinRto { get; set; } = TimeSpan.FromMilliseconds(200);

    /// <summary>Upper bound of the retransmission timeout, back-off included, 1 s to 2 min. Default 30 s.</summary>
    public TimeSpan MaxRto { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Retransmission timeouts in a row without progress that end a stream. Default 7.</summary>
    [Range(1, 30)]
    public int MaxTimeouts { get; set; } = 7;

    /// <summary>Most bytes a stream holds for the peer's acknowledgement before a flush waits. Default 8 MiB; more than 1 MiB
    /// are held only where a path has that much under way.</summary>
    [Range(16 * 1024, 256 * 1024 * 1024)]
    public int SendBuffer { get; set; } = 8 * 1024 * 1024;

    /// <summary>Memory of buffers that a transport keeps for its streams' next use, in bytes; what nobody needs for ten seconds is let go.
    /// Default 64 MiB.</summary>
    [Range(0, 1024 * 1024 * 1024)]
    public int MaxKeptBytes { get; set; } = 64 * 1024 * 1024;

    /// <summary>How long a disposed stream may take to deliver what was flushed, which disposing waits for, and to see the peer's end, which goes on in the
    /// background; at most an hour. Default 5 s.</summary>
    public TimeSpan Linger { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Messages of one stream sent from outside the loop that may wait for it. Default 256.</summary>
    [Range(1, 65_536)]
    public int MaxPostedMessages { get; set; } = 256;

    /// <summary>Streams of one transport. Default 65,536.</summary>
    [Range(1, 16 * 1024 * 1024)]
    public int MaxStreams { get; set; } = 65_536;

    /// <summary>
    /// How long the id of a closed stream still answers repeated packets, at most 10 min. Default 30 s: time for three heartbeats of a
    /// peer that missed the last packet.
    /// </summary>
    public TimeSpan TimeWait { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Closed streams remembered at once; the oldest goes first. Default 4,096.</summary>
    [Range(0, 1024 * 1024)]
    public int MaxTimeWaitStreams { get; set; } = 4096;

    /// <summary>Messages, relayed packets and last answers of closed streams waiting to leave a transport. Default 4,096; 2 KiB each.</summary>
    [Range(16, 1024 * 1024)]
    public int MaxQueuedDatagrams { get; set; } = 4096;

    /// <summary>Size of an IP packet that every path carries, headers included, in bytes. Default 1,200.</summary>
    [Range(576, 1500)]
    public int BaseMtu { get; set; } = 1200;

    /// <summary>Largest IP packet that is probed for, headers included; <see cref="BaseMtu"/> turns probing off. Default 1,500.
    /// On a loopback with 1,500 or more: whatever the peer takes, 2,048 bytes of UDP payload.</summary>
    [Range(576, 2076)]
    public int MaxMtu { get; set; } = 1500;

    /// <summary>How the sending rate is found. Default <see cref="CongestionControl.Bbr"/>.</summary>
    [EnumDataType(typeof(CongestionControl))]
    public CongestionControl CongestionControl { get; set; } = CongestionControl.Bbr;
}

/// <summary>Algorithms that find the sending rate of a stream.</summary>
public enum CongestionControl
{
    /// <summary>A model of the path's bandwidth and round trip; keeps queues short and stands random loss.</summary>
    Bbr,

    /// <summary>NewReno (RFC 9002, section 7): grows until a packet is lost, then halves.</summary>
    NewReno,
}
