using System.ComponentModel.DataAnnotations;

namespace PeopleSwarm;

/// <summary>How a datagram host works: what it does in one turn before it lets others run, and how it calls the system.</summary>
public sealed class DatagramHostOptions
{
    /// <summary>Datagrams taken from the sockets in one turn. Default 256.</summary>
    [Range(1, 65_536)]
    public int ReceiveBatch { get; set; } = 256;

    /// <summary>Sends taken from one machine in one turn, a run of segments counting as one. Default 128.</summary>
    [Range(1, 65_536)]
    public int TransmitBatch { get; set; } = 128;

    /// <summary>Whether system calls carry many datagrams where the system can do that: Linux and Windows. Default true.</summary>
    public bool UseSegmentation { get; set; } = true;

    /// <summary>How long a loop on Linux polls its socket for the answer to a small message before it sleeps, at most 1 ms; zero never does.
    /// It polls only while answers come within that time, with at most half of the processors. Default 100 µs: a thread takes about half of
    /// that to wake up. Readers and writers of a transfer go on on the loop's thread while they take less than this, too.</summary>
    public TimeSpan SpinTime { get; set; } = TimeSpan.FromMicroseconds(100);

    /// <summary>Pieces of posted work done in one turn. Default 1,024.</summary>
    [Range(1, 1_048_576)]
    public int PostedBatch { get; set; } = 1024;
}
