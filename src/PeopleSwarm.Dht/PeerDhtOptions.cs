using System.ComponentModel.DataAnnotations;

namespace PeopleSwarm;

/// <summary>What a node stores and forwards for others, and how it listens and dials (spec hyperdht).</summary>
public sealed class PeerDhtOptions
{
    /// <summary>Announcements kept in each of two generations; routes, bumps and refreshes have the same bound each. Default 65,536.</summary>
    [Range(16, 16 * 1024 * 1024)]
    public int MaxRecords { get; set; } = 65_536;

    /// <summary>Of those, and of remembered sequence numbers, how many one source address may bring; its oldest give way. Default 8,192.</summary>
    [Range(1, 16 * 1024 * 1024)]
    public int MaxRecordsPerSource { get; set; } = 8192;

    /// <summary>Age of an announcement nobody renews, 1 minute to 1 day; it goes between 2/3 and 4/3 of it. Default 20 minutes.</summary>
    public TimeSpan RecordAge { get; set; } = TimeSpan.FromMinutes(20);

    /// <summary>Bytes of stored values in each of two generations, each value with 256 bytes more; the oldest give way. Default 64 MiB.</summary>
    [Range(64 * 1024, int.MaxValue)]
    public int MaxValueBytes { get; set; } = 64 * 1024 * 1024;

    /// <summary>Of those, how many one source address may bring; its oldest give way. Default 4 MiB.</summary>
    [Range(4 * 1024, int.MaxValue)]
    public int MaxValueBytesPerSource { get; set; } = 4 * 1024 * 1024;

    /// <summary>Age of a value nobody puts or reads, 1 minute to 30 days; it goes between 2/3 and 4/3 of it. Default 48 hours.</summary>
    public TimeSpan ValueAge { get; set; } = TimeSpan.FromHours(48);

    /// <summary>
    /// Sequence numbers of mutable values remembered in each of two generations, for twice the age of a value: an older record cannot
    /// take the place of one that had to go. Default 131,072.
    /// </summary>
    [Range(16, 16 * 1024 * 1024)]
    public int MaxRememberedSeqs { get; set; } = 131_072;

    /// <summary>Signatures of announcements and mutable values checked for one source address a second; twice as many at once. Default 200.</summary>
    [Range(1, 1_000_000)]
    public int VerificationsPerSourcePerSecond { get; set; } = 200;

    /// <summary>Signatures of announcements and mutable values checked a second for all sources; twice as many at once. Default 500.</summary>
    [Range(1, 1_000_000)]
    public int VerificationsPerSecond { get; set; } = 500;

    /// <summary>Source and destination addresses whose rates are remembered, each. Default 16,384.</summary>
    [Range(16, 1_048_576)]
    public int MaxTrackedSources { get; set; } = 16_384;

    /// <summary>Handshakes and punch rounds forwarded for one source address a second; twice as many at once. Default 500.</summary>
    [Range(1, 1_000_000)]
    public int ForwardsPerSourcePerSecond { get; set; } = 500;

    /// <summary>Of those, how many go to one address that only the sender named; twice as many at once. Default 250.</summary>
    [Range(1, 1_000_000)]
    public int ForwardsPerDestinationPerSecond { get; set; } = 250;

    /// <summary>Forwarded messages whose answer is still let through. Default 16,384.</summary>
    [Range(16, 1_048_576)]
    public int MaxForwardsInFlight { get; set; } = 16_384;

    /// <summary>Time in which the answer to a forwarded message is let through, 5 s to 1 min. Default 15 s.</summary>
    public TimeSpan ForwardLifetime { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>
    /// First messages of handshakes a listener reads a second; twice as many at once. Default 2,500: as many forged ones take a fifth of a core.
    /// </summary>
    [Range(1, 1_000_000)]
    public int HandshakesPerSecond { get; set; } = 2500;

    /// <summary>
    /// Of those, how many a second while the node's loop is busy, so that strangers get a few hundredths of its time and its connections the rest. Default 500.
    /// </summary>
    [Range(1, 1_000_000)]
    public int BusyHandshakesPerSecond { get; set; } = 500;

    /// <summary>First messages that wait for this, in turn by sender; where there is no room who has most gives way. Default 256.</summary>
    [Range(1, 65_536)]
    public int MaxWaitingHandshakes { get; set; } = 256;

    /// <summary>Relays a listener keeps itself announced on. Default 3.</summary>
    [Range(1, 16)]
    public int Relays { get; set; } = 3;

    /// <summary>Pause between two rounds of pings to the relays, which keep our NAT's mappings open; 1 s to 1 min. Default 3 s.</summary>
    public TimeSpan RelayPingInterval { get; set; } = TimeSpan.FromSeconds(3);

    /// <summary>Rounds of pings after which a listener announces itself again. Default 100, about 5 minutes.</summary>
    [Range(1, 1000)]
    public int RelayPingRounds { get; set; } = 100;

    /// <summary>Time a listener or a dialler waits for the other side's first packet, 1 s to 1 min; 5 s at most for a client that the listener dials. Default 10 s.</summary>
    public TimeSpan PassiveWait { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Peers whose relays are remembered after a connection. Default 512.</summary>
    [Range(0, 1_048_576)]
    public int MaxCachedPeers { get; set; } = 512;

    /// <summary>Sockets that punch, or carry what was punched, at once; 0 turns punching off. Default 1,024.</summary>
    [Range(0, 65_536)]
    public int MaxPunchSockets { get; set; } = 1024;

    /// <summary>Pause between two punches that spray ports, up to 10 min; routers take them for a scan. Default 20 s.</summary>
    public TimeSpan RandomPunchInterval { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>
    /// Count that pause from the start and from each resume, so that a node which is restarted again and again does not spray each time.
    /// Default false.
    /// </summary>
    public bool DeferRandomPunch { get; set; }

    /// <summary>
    /// Paths kept for the next connection to the same peer, where both sides asked for it (<c>ReusableSocket</c> of connects and listeners); 0 for none.
    /// Default 1,024.
    /// </summary>
    [Range(0, 65_536)]
    public int MaxReusableSockets { get; set; } = 1024;

    /// <summary>Time a path, and the socket that punched it, is kept after its connection; 1 s to 5 min. Default 20 s: most NATs forget after 30.</summary>
    public TimeSpan ReusableSocketLinger { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>
    /// Tell peers only those local addresses on which a datagram to ourselves arrives; each is tried at the start, which takes half a
    /// second at most, and again when the interfaces change; one that failed, after 10 s and ever later. Default false: the system's list
    /// is taken, and whoever dials a local address asks it first.
    /// </summary>
    public bool ValidateLocalAddresses { get; set; }

    /// <summary>
    /// Find relays that offer themselves in the DHT: for peers that could not be punched, and for all while our NAT gives each destination
    /// another port. A relay reads nothing, but sees who talks to whom. What a call or a listener names itself comes first. Default true.
    /// </summary>
    public bool FindRelays { get; set; } = true;

    /// <summary>Time a relay has to be dialled and to pair us, 1 s to 1 min. Default 15 s.</summary>
    public TimeSpan RelayTimeout { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>
    /// Streams that wait for a relay at once, because we or our peers named one; connections beyond go without; 0 turns relays off. Default 256.
    /// </summary>
    [Range(0, 65_536)]
    public int MaxRelayPairings { get; set; } = 256;

    /// <summary>Connections to relays at once; beyond that an idle one makes room, or the stream goes without. Default 64.</summary>
    [Range(1, 65_536)]
    public int MaxRelayConnections { get; set; } = 64;

    /// <summary>Streams that share one connection to a relay; more get a further one. Default 16, what our relays grant a client.</summary>
    [Range(1, 65_536)]
    public int MaxPairingsPerRelayConnection { get; set; } = 16;

    /// <summary>Time a connection to a relay stays without a stream, for the next one, up to 1 h. Default 30 s.</summary>
    public TimeSpan RelayIdleTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Stay connected to one relay that was found, while our NAT gives each destination another port: a stream through it then costs no dial.
    /// About 50 bytes a second. Needs <see cref="FindRelays"/>. Default true.
    /// </summary>
    public bool KeepRelay { get; set; } = true;

    /// <summary>
    /// How often a relayed connection whose punching failed is punched again, with growing pauses; never where both NATs give each destination
    /// another port. Default 4, within about four minutes.
    /// </summary>
    [Range(0, 16)]
    public int UpgradeTries { get; set; } = 4;

    /// <summary>Connects under way at once; more fail at once. Default 4,096.</summary>
    [Range(1, 1_048_576)]
    public int MaxConnects { get; set; } = 4096;
}
