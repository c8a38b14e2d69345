using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace PeopleSwarm;

/// <summary>How a swarm behaves. The defaults are those of the npm package; where that has no limit, ours are generous.</summary>
/// <remarks>Spec: hyperswarm, 2.</remarks>
public sealed class SwarmOptions
{
    /// <summary>Who we are; not disposed by the swarm. Default null: from <see cref="Seed"/>, else the node's key pair.</summary>
    public KeyPair? KeyPair { get; set; }

    /// <summary>The 32-byte seed of our key pair. Default null. Not together with <see cref="KeyPair"/>.</summary>
    public byte[]? Seed { get; set; }

    /// <summary>
    /// Connections, dials in progress included, up to which found peers are dialled; incoming ones count but are not refused.
    /// 1 to 65,536, default 64. One peer of <see cref="IPeerSwarm.JoinPeer"/> halves it, two take a third, four a quarter.
    /// </summary>
    [Range(1, 65_536)]
    public int MaxPeers { get; set; } = 64;

    /// <summary>
    /// Dialled connections, dials in progress included. 0 to 65,536, default 65,536.
    /// Peers of <see cref="IPeerSwarm.JoinPeer"/> are dialled regardless.
    /// </summary>
    [Range(0, 65_536)]
    public int MaxClientConnections { get; set; } = 65_536;

    /// <summary>Incoming connections; more are refused unanswered. 0 to 65,536, default 1,024.</summary>
    [Range(0, 65_536)]
    public int MaxServerConnections { get; set; } = 1024;

    /// <summary>Dials in progress at once. 1 to 256, default 3.</summary>
    [Range(1, 256)]
    public int MaxParallel { get; set; } = 3;

    /// <summary>Refuses peers: true bans the peer. Asked before a dial, with no payload, and before a handshake is answered. Default null: all pass.</summary>
    public PeerFirewall? Firewall { get; set; }

    /// <summary>
    /// Peers that relay ciphertext for us, one of them chosen at random: for peers whose NAT could not be punched, and for all while
    /// our own NAT gives each destination another port. Default none.
    /// </summary>
    public IList<PublicKey> RelayThrough { get; } = [];

    /// <summary>
    /// Chooses the relay in place of that rule, null for none; the argument says whether the last dial failed for want of one.
    /// Called on pool threads. Default null.
    /// </summary>
    public Func<bool, PublicKey?>? ChooseRelay { get; set; }

    /// <summary>Time after which a dial is given up. 1 s to 10 min, default 30 s.</summary>
    public TimeSpan DialTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Interval of empty messages on a quiet connection. 0 for none, to 10 min; default 5 s.</summary>
    public TimeSpan KeepAlive { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Time a finished handshake is remembered for late duplicates. 1 to 60 s, default 10 s.</summary>
    public TimeSpan HandshakeClearWait { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Delay before the first retry of a peer that worked. 1 ms to 1 day, default 1 s. The delays may not shrink from one to the next.</summary>
    /// <remarks>A retry comes 0.66 to 1.32 times the delay after the loss; the jitter is added before.</remarks>
    public TimeSpan ShortBackoff { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Delay before the second retry, and the first of a peer that never worked. 1 ms to 1 day, default 5 s.</summary>
    public TimeSpan MediumBackoff { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Delay before the third retry, the last for peers of topics. 1 ms to 1 day, default 15 s.</summary>
    public TimeSpan LongBackoff { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>Delay before each further retry of peers of <see cref="IPeerSwarm.JoinPeer"/>. 1 ms to 1 day, default 10 min.</summary>
    public TimeSpan ExplicitBackoff { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>Random delay on top, drawn once for each of the four: up to 2, 3, 5 and 241 times this. 0 to 10 s, default 500 ms.</summary>
    public TimeSpan Jitter { get; set; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Peers remembered without being banned; further ones that look-ups find are dropped. 1 to 1,000,000, default 4,096.</summary>
    [Range(1, 1_000_000)]
    public int MaxKnownPeers { get; set; } = 4096;

    /// <summary>Bans remembered; the oldest is lifted beyond that. 1 to 1,000,000, default 16,384.</summary>
    [Range(1, 1_000_000)]
    public int MaxBannedPeers { get; set; } = 16_384;

    /// <summary>Found peers that wait for their dial. 1 to 1,000,000, default 1,024; at most <see cref="MaxKnownPeers"/>.</summary>
    [Range(1, 1_000_000)]
    public int MaxQueuedPeers { get; set; } = 1024;

    /// <summary>Topics remembered for each peer, the oldest dropped beyond that. 1 to 65,536, default 256.</summary>
    [Range(1, 65_536)]
    public int MaxTopicsPerPeer { get; set; } = 256;

    /// <summary>Connections that opened and closed while <see cref="IPeerSwarm.AcceptAllAsync"/> was busy, kept for it. 1 to 65,536, default 256.</summary>
    [Range(1, 65_536)]
    public int Backlog { get; set; } = 256;

    /// <summary>Time that disposing gives connections to deliver what was written, and nodes to take withdrawals. 0 to 10 min, default 5 s.</summary>
    public TimeSpan CloseTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Whether a failed dial may be repeated through a relay.</summary>
    internal bool HasRelay => ChooseRelay is not null || RelayThrough.Count > 0;
}

/// <summary>Checks the ranges.</summary>
[OptionsValidator]
internal sealed partial class SwarmOptionsValidator : IValidateOptions<SwarmOptions>;

/// <summary>Checks what the ranges cannot say.</summary>
internal sealed class SwarmOptionsRules : IValidateOptions<SwarmOptions>
{
    public ValidateOptionsResult Validate(string? name, SwarmOptions options)
    {
        List<string> failures = [];
        Check(nameof(options.DialTimeout), options.DialTimeout, TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(10));
        Check(nameof(options.KeepAlive), options.KeepAlive, TimeSpan.Zero, TimeSpan.FromMinutes(10));
        Check(nameof(options.HandshakeClearWait), options.HandshakeClearWait, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(60));
        Check(nameof(options.ShortBackoff), options.ShortBackoff, TimeSpan.FromMilliseconds(1), TimeSpan.FromDays(1));
        Check(nameof(options.MediumBackoff), options.MediumBackoff, TimeSpan.FromMilliseconds(1), TimeSpan.FromDays(1));
        Check(nameof(options.LongBackoff), options.LongBackoff, TimeSpan.FromMilliseconds(1), TimeSpan.FromDays(1));
        Check(nameof(options.ExplicitBackoff), options.ExplicitBackoff, TimeSpan.FromMilliseconds(1), TimeSpan.FromDays(1));
        Check(nameof(options.Jitter), options.Jitter, TimeSpan.Zero, TimeSpan.FromSeconds(10));
        Check(nameof(options.CloseTimeout), options.CloseTimeout, TimeSpan.Zero, TimeSpan.FromMinutes(10));
        if (options.Seed is not null && options.KeyPair is not null) failures.Add("Seed: give either a seed or a KeyPair, not both.");
        if (options.Seed is { Length: not KeyPair.SeedSize } seed) failures.Add($"Seed: must be {KeyPair.SeedSize} bytes, not {seed.Length}.");
        if (options.KeyPair is { HasSecretKey: false }) failures.Add("KeyPair: must have its secret key.");
        if (options.MediumBackoff < options.ShortBackoff) failures.Add("MediumBackoff: must not be shorter than ShortBackoff.");
        if (options.LongBackoff < options.MediumBackoff) failures.Add("LongBackoff: must not be shorter than MediumBackoff.");
        if (options.ExplicitBackoff < options.LongBackoff) failures.Add("ExplicitBackoff: must not be shorter than LongBackoff.");
        if (options.MaxQueuedPeers > options.MaxKnownPeers) failures.Add("MaxQueuedPeers: must not be above MaxKnownPeers.");
        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);

        void Check(string option, TimeSpan value, TimeSpan min, TimeSpan max)
        {
            if (value < min || value > max) failures.Add($"{option}: must be between {min} and {max}, not {value}.");
        }
    }

    /// <summary>Checks everything, for swarms made without a container.</summary>
    /// <exception cref="OptionsValidationException">An option breaks its rule; the message names both.</exception>
    public static void ThrowIfInvalid(SwarmOptions options)
    {
        string[] failures = [.. Failures(new SwarmOptionsValidator()), .. Failures(new SwarmOptionsRules())];
        if (failures.Length > 0) throw new OptionsValidationException(Options.DefaultName, typeof(SwarmOptions), failures);

        IEnumerable<string> Failures(IValidateOptions<SwarmOptions> rules) => rules.Validate(null, options).Failures ?? [];
    }
}
