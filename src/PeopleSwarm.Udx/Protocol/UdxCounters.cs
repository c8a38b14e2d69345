namespace PeopleSwarm.Udx.Protocol;

/// <summary>Totals of an endpoint since it was made. Written on the loop; a reader on another thread may see a slightly old value.</summary>
internal sealed class UdxCounters
{
    public long PacketsIn, BytesIn, PacketsOut, BytesOut;

    /// <summary>Payload bytes given to readers, and acknowledged to writers.</summary>
    public long PayloadBytesIn, PayloadBytesOut;

    public long StreamsOpened, StreamsClosed, StreamsTimedOut;
    public long AcksOut, MessagesIn, MessagesOut, PacketsRelayed, TimeWaitAnswers;
    public long Retransmits, SpuriousRetransmits, PacketsLost, LossEpisodes, TailLossProbes, RetransmissionTimeouts;
    public long MtuProbes, MtuProbesLost, BlackHoles, PathChanges;

    /// <summary>A data offset beyond the packet, or an ack of what was never sent.</summary>
    public long DroppedMalformed;

    /// <summary>A path that was refused, or a reset from an unknown address.</summary>
    public long DroppedPath;

    /// <summary>Data beyond the receive window or the reorder limit.</summary>
    public long DroppedWindow;

    /// <summary>Data received before.</summary>
    public long Duplicates;

    /// <summary>Selective-acknowledgement blocks out of range.</summary>
    public long BadSackBlocks;

    /// <summary>Relayed packets the relay's filter refused.</summary>
    public long DroppedRelay;

    /// <summary>Messages and relayed packets that found the queue full or no destination.</summary>
    public long DroppedQueue;
}
