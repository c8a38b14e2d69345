namespace PeopleSwarm;

/// <summary>A blind relay: peers name its key as their relay, it forwards their packets unread.</summary>
public interface IPeerRelay : IAsyncDisposable
{
    /// <summary>The key peers dial.</summary>
    PublicKey PublicKey { get; }

    /// <summary>What it does and did.</summary>
    RelayStatistics Statistics { get; }
}

/// <summary>What a relay gives to others at most.</summary>
public sealed record RelayOptions
{
    /// <summary>Relays announce themselves, and are looked for, on the topic that is the BLAKE2b-256 hash of this text.</summary>
    public const string TopicText = "peopleswarm relay 1";

    /// <summary>Clients at once, 1 to 65,536; more are turned away. Default 256.</summary>
    public int MaxSessions { get; init; } = 256;

    /// <summary>Pairs at once in all, waiting ones included, 1 to 65,536; two streams each. Default 256.</summary>
    public int MaxPairs { get; init; } = 256;

    /// <summary>Pairs at once for one client, waiting ones included, 1 to 65,536. Default 16.</summary>
    public int MaxPairsPerSession { get; init; } = 16;

    /// <summary>Bytes forwarded a second for one client, each packet counted for its sender, 1 KiB to 100 GB; as many at once. Default 4 MiB.</summary>
    public long BytesPerSecondPerSession { get; init; } = 4 * 1024 * 1024;

    /// <summary>Bytes forwarded a second in all, 1 KiB to 100 GB; as many at once. Default 32 MiB.</summary>
    public long BytesPerSecond { get; init; } = 32 * 1024 * 1024;

    /// <summary>Tell the DHT, so that peers find the relay by themselves. Default true; otherwise only those use it who know its key.</summary>
    public bool Announce { get; init; } = true;

    /// <summary>Time one side of a pair is waited for, 1 s to 10 min. Default 30 s.</summary>
    public TimeSpan PairTimeout { get; init; } = TimeSpan.FromSeconds(30);
}

/// <summary>Counters of a relay.</summary>
public sealed record RelayStatistics
{
    /// <summary>Clients connected.</summary>
    public int Sessions { get; init; }

    /// <summary>Pairs of which one side is there.</summary>
    public int Waiting { get; init; }

    /// <summary>Pairs forwarded for.</summary>
    public int Pairs { get; init; }

    /// <summary>Pairs made since the start.</summary>
    public long Matched { get; init; }

    /// <summary>Wishes turned down because of a limit.</summary>
    public long Refused { get; init; }

    /// <summary>Bytes forwarded.</summary>
    public long Bytes { get; init; }

    /// <summary>Packets dropped because of a limit on bytes.</summary>
    public long DroppedPackets { get; init; }
}
