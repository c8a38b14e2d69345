using PeopleSwarm.Dht.Messages;

namespace PeopleSwarm.Dht.BlindRelay;

/// <summary>The channel of the blind-relay protocol (spec hyperdht, 10.2); its id is the connecting peer's key.</summary>
internal static class RelayProtocol
{
    public const string Name = "blind-relay";
    public const int Pair = 0, Unpair = 1;

    /// <summary>More than any message of the protocol, with the multiplexer's part.</summary>
    public const int MaxMessageSize = 4096;
}

/// <summary>From a client: pair me by this token. From the relay: you are paired, this is your stream here.</summary>
/// <param name="IsInitiator">Which of the two the client is.</param>
/// <param name="Token">What both know.</param>
/// <param name="StreamId">The sender's stream.</param>
internal readonly record struct PairMessage(bool IsInitiator, Topic Token, uint StreamId)
{
    public byte[] Encode()
    {
        var bytes = new byte[1 + Topic.Size + CompactWriter.SizeOfUInt(StreamId) + 1];
        var writer = new CompactWriter(bytes);
        writer.WriteBool(IsInitiator);
        writer.WriteBytes(Token.ToArray());
        writer.WriteUInt(StreamId);
        writer.WriteUInt(0); // a first packet number nobody uses
        return bytes;
    }

    public static bool TryRead(ReadOnlySpan<byte> bytes, out PairMessage message)
    {
        message = default;
        var reader = new CompactReader(bytes);
        if (!reader.TryReadByte(out byte flags) || !reader.TryReadFixed32(out var token)) return false;
        if (!reader.TryReadUInt(out long id) || id > uint.MaxValue || !reader.TryReadUInt(out _)) return false;
        message = new((flags & 1) != 0, new(token), (uint)id);
        return true;
    }
}

/// <summary>From a client: forget the token, and the pair if there is one. From our relays: you will not be paired.</summary>
internal readonly record struct UnpairMessage(Topic Token)
{
    public byte[] Encode()
    {
        var bytes = new byte[1 + Topic.Size];
        Token.ToArray().CopyTo(bytes, 1);
        return bytes;
    }

    public static bool TryRead(ReadOnlySpan<byte> bytes, out UnpairMessage message)
    {
        message = default;
        if (bytes.Length < 1 + Topic.Size) return false;
        message = new(new(bytes.Slice(1, Topic.Size)));
        return true;
    }
}
