using System.Text;

namespace PeopleSwarm.Dht.Messages;

/// <summary>The value of PLUGIN (spec hyperdht, 3.9): a command within a named extension. Borrowed from the datagram it was read from.</summary>
internal readonly ref struct PluginMessage(ReadOnlySpan<byte> name, long version, long command, bool hasValue, ReadOnlySpan<byte> value)
{
    private const long ValueFlag = 1;

    /// <summary>In UTF-8.</summary>
    public ReadOnlySpan<byte> Name { get; } = name;

    public long Version { get; } = version;

    public long Command { get; } = command;

    public bool HasValue { get; } = hasValue;

    public ReadOnlySpan<byte> Value { get; } = value;

    public static bool TryRead(ReadOnlySpan<byte> bytes, out PluginMessage message)
    {
        message = default;
        var reader = new CompactReader(bytes);
        if (!reader.TryReadBuffer(out var name) || !reader.TryReadUInt(out long version) || !reader.TryReadUInt(out long command)) return false;
        if (!reader.TryReadUInt(out long flags)) return false;
        bool hasValue = (flags & ValueFlag) != 0;
        ReadOnlySpan<byte> value = default;
        if (hasValue && !reader.TryReadBuffer(out value)) return false;
        message = new(name, version, command, hasValue, value);
        return true;
    }

    public byte[] Encode()
    {
        int size = CompactWriter.SizeOfBuffer(Name.Length) + CompactWriter.SizeOfUInt(Version) + CompactWriter.SizeOfUInt(Command) + 1;
        var bytes = new byte[size + (HasValue ? CompactWriter.SizeOfBuffer(Value.Length) : 0)];
        var writer = new CompactWriter(bytes);
        writer.WriteBuffer(Name);
        writer.WriteUInt(Version);
        writer.WriteUInt(Command);
        writer.WriteUInt(HasValue ? ValueFlag : 0);
        if (HasValue) writer.WriteBuffer(Value);
        return bytes;
    }

    public bool IsFor(IDhtPlugin plugin) => Version == plugin.Version && Name.SequenceEqual(Encoding.UTF8.GetBytes(plugin.Name));
}
