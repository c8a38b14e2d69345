using System.Globalization;
using System.Text;

namespace PeopleSwarm.Testing;

/// <summary>Says in a few words what a datagram is.</summary>
/// <param name="head">The first bytes, at most <see cref="PacketTrace.HeadSize"/>.</param>
/// <param name="length">Bytes of the whole datagram.</param>
public delegate string PacketFormatter(ReadOnlySpan<byte> head, int length);

/// <summary>The latest datagrams of a network as readable text. Safe on any thread.</summary>
public sealed class PacketTrace
{
    /// <summary>Bytes kept of each datagram.</summary>
    public const int HeadSize = 96;

    private readonly Lock _gate = new();
    private readonly Queue<Entry> _entries = [];
    private readonly Timestamp _start;

    internal PacketTrace(Timestamp start) => _start = start;

    /// <summary>Entries kept, 0 and up; each datagram makes two. Default 200.</summary>
    public int Capacity
    {
        get;
        set
        {
            field = (int)Require.Range(value, 0, int.MaxValue);
            lock (_gate)
                while (_entries.Count > value) _entries.Dequeue();
        }
    } = 200;

    /// <summary>How datagrams become text. Default <see cref="PacketText.Format"/>.</summary>
    public PacketFormatter Formatter { get; set; } = PacketText.Format;

    /// <summary>Called with each entry's text as it is made; null for none. For following a run.</summary>
    public Action<string>? Watch { get; set; }

    internal void Sent(Timestamp now, Packet packet) => Record(now, packet, "->");

    internal void Delivered(Timestamp now, Packet packet) => Record(now, packet, "=>");

    internal void Dropped(Timestamp now, Packet packet, DropReason reason) => Record(now, packet, reason.ToString());

    /// <summary>Adds a line of the caller's own between the datagrams.</summary>
    public void Note(Timestamp now, string text) => Record(new(now, default, default, [], 0, text));

    /// <summary>A line for each entry, oldest first: <c>-></c> sent, <c>=></c> delivered, or why it was dropped.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        lock (_gate)
            foreach (var entry in _entries) text.AppendLine(Describe(entry));
        return text.ToString();
    }

    private void Record(Timestamp now, Packet packet, string fate)
    {
        if (Capacity == 0 && Watch is null) return;
        Record(new(now, packet.From, packet.To, packet.Data.AsSpan(0, Math.Min(packet.Data.Length, HeadSize)).ToArray(), packet.Data.Length, fate));
    }

    private void Record(Entry entry)
    {
        lock (_gate)
        {
            while (_entries.Count > 0 && _entries.Count >= Capacity) _entries.Dequeue();
            if (Capacity > 0) _entries.Enqueue(entry);
        }
        Watch?.Invoke(Describe(entry));
    }

    private string Describe(Entry entry)
    {
        string time = (entry.At - _start).TotalSeconds.ToString("F6", CultureInfo.InvariantCulture).PadLeft(12);
        return entry.To == default
            ? $"{time}  {entry.Fate}"
            : $"{time}  {entry.From} {entry.Fate} {entry.To}  {Formatter(entry.Head, entry.Length)}";
    }

    private readonly record struct Entry(Timestamp At, UdpEndPoint From, UdpEndPoint To, byte[] Head, int Length, string Fate);
}
