namespace PeopleSwarm.Dht.Rpc;

/// <summary>Counts since the start.</summary>
internal sealed class RpcCounters
{
    public long Requests { get; set; }

    public long Responses { get; set; }

    public long Timeouts { get; set; }

    public long Retries { get; set; }

    public long Served { get; set; }

    /// <summary>Datagrams not understood, or while suspended.</summary>
    public long Malformed { get; set; }

    /// <summary>Responses nobody asked for, or from elsewhere than asked.</summary>
    public long Unexpected { get; set; }

    /// <summary>Replies too large to send.</summary>
    public long Oversized { get; set; }

    public long Queries { get; set; }
}
