namespace PeopleSwarm.Protomux.Protocol;

/// <summary>A channel's name; an empty id is none.</summary>
internal sealed class MuxName(string protocol, byte[] id) : IEquatable<MuxName>
{
    public string Protocol { get; } = protocol;

    public byte[] Id { get; } = id;

    public bool Equals(MuxName? other) => other is not null && Protocol == other.Protocol && Id.AsSpan().SequenceEqual(other.Id);

    public override bool Equals(object? obj) => Equals(obj as MuxName);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.Add(Protocol);
        hash.AddBytes(Id);
        return hash.ToHashCode();
    }
}

/// <summary>What is under way for one name: both sides' openings are matched in order.</summary>
internal sealed class NameState(MuxName name)
{
    public MuxName Name { get; } = name;

    /// <summary>The peer's openings nobody here took, by its numbers.</summary>
    public Queue<int> Incoming { get; } = new();

    /// <summary>Our openings the peer has not answered, by our numbers; closed ones stay until it does.</summary>
    public LinkedList<int> Outgoing { get; } = new();

    /// <summary>Our channels not closed.</summary>
    public int Opened { get; set; }

    /// <summary>Handlers of the application that may still take an opening.</summary>
    public int Deciding { get; set; }

    public bool IsIdle => Opened == 0 && Deciding == 0 && Incoming.Count == 0 && Outgoing.Count == 0;
}

/// <summary>Where a channel of ours stands.</summary>
internal enum ChannelState
{
    Opening, // the peer was told; → Open, Closed
    Open,    // both have opened; → Closed
    Closed,
}

/// <summary>A channel of ours.</summary>
internal sealed class LocalChannel(NameState name, int localId, object owner)
{
    public NameState Name { get; } = name;
    public int LocalId { get; } = localId;
    public object Owner { get; } = owner;
    public ChannelState State { get; set; }

    /// <summary>The peer's number; 0 before it has opened.</summary>
    public int RemoteId { get; set; }

    /// <summary>Messages nobody took yet.</summary>
    public Queue<ProtomuxMessage> Messages { get; set; } = new();
}

/// <summary>A channel of the peer's; messages wait here until it is ours too.</summary>
internal sealed class RemoteSlot(NameState name, byte[] handshake)
{
    public NameState Name { get; } = name;

    /// <summary>What came with the opening, until somebody takes it.</summary>
    public byte[] Handshake { get; set; } = handshake;

    public LocalChannel? Channel { get; set; }
    public Queue<ProtomuxMessage> Pending { get; } = new();
}
