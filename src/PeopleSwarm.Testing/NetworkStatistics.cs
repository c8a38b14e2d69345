using System.Globalization;

namespace PeopleSwarm.Testing;

/// <summary>Counters of a network since its start. Read them while the network does not run.</summary>
public sealed class NetworkStatistics
{
    private readonly long[] _dropped = new long[Enum.GetValues<DropReason>().Length];

    /// <summary>Datagrams sent by hosts.</summary>
    public long Sent { get; internal set; }

    /// <summary>Bytes of those, without headers.</summary>
    public long SentBytes { get; internal set; }

    /// <summary>Datagrams that reached a socket, duplicates included.</summary>
    public long Delivered { get; internal set; }

    /// <summary>Datagrams that did not arrive.</summary>
    public long Dropped => _dropped.Sum();

    /// <summary>Datagrams that did not arrive for one reason.</summary>
    public long DroppedFor(DropReason reason) => _dropped[(int)reason];

    internal void CountDrop(DropReason reason) => _dropped[(int)reason]++;

    /// <summary>The counters in one line.</summary>
    public override string ToString()
    {
        var reasons = Enum.GetValues<DropReason>().Where(r => DroppedFor(r) > 0).Select(r => string.Create(CultureInfo.InvariantCulture, $", {r} {DroppedFor(r)}"));
        return string.Create(CultureInfo.InvariantCulture, $"sent {Sent}, delivered {Delivered}{string.Concat(reasons)}");
    }
}
