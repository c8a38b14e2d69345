namespace PeopleSwarm.Testing;

/// <summary>What a NAT tells apart (RFC 4787, sections 4.1 and 5).</summary>
public enum NatBehavior
{
    /// <summary>Nothing: every destination is the same.</summary>
    EndpointIndependent,

    /// <summary>Addresses, not ports.</summary>
    AddressDependent,

    /// <summary>Addresses and ports.</summary>
    AddressAndPortDependent,
}

/// <summary>How a NAT chooses outside ports.</summary>
public enum NatPortAllocation
{
    /// <summary>The inside port where it is free, else the next free one.</summary>
    Preserving,

    /// <summary>One after the other, from a random one.</summary>
    Sequential,

    /// <summary>Any.</summary>
    Random,
}

/// <summary>How a NAT behaves. A value out of its range is an <see cref="ArgumentOutOfRangeException"/>.</summary>
public sealed record NatOptions
{
    /// <summary>One outside port for all destinations, and anybody may answer.</summary>
    public static NatOptions FullCone { get; } = new() { Filtering = NatBehavior.EndpointIndependent };

    /// <summary>One outside port for all destinations; only addresses written to may answer.</summary>
    public static NatOptions AddressRestricted { get; } = new() { Filtering = NatBehavior.AddressDependent };

    /// <summary>One outside port for all destinations; only those written to may answer.</summary>
    public static NatOptions PortRestricted { get; } = new();

    /// <summary>A random outside port for each destination; only it may answer.</summary>
    public static NatOptions Symmetric { get; } = new() { Mapping = NatBehavior.AddressAndPortDependent, Ports = NatPortAllocation.Random };

    /// <summary>Which destinations share an outside port. Default all.</summary>
    public NatBehavior Mapping { get; init; } = NatBehavior.EndpointIndependent;

    /// <summary>Who may send to an outside port. Default only addresses and ports written to.</summary>
    public NatBehavior Filtering { get; init; } = NatBehavior.AddressAndPortDependent;

    /// <summary>How outside ports are chosen. Default preserving.</summary>
    public NatPortAllocation Ports { get; init; } = NatPortAllocation.Preserving;

    /// <summary>Silence after which a mapping, or leave to answer, is forgotten. Default 2 min; many real ones take 30 s.</summary>
    public TimeSpan MappingTimeout { get; init => field = Require.Positive(value); } = TimeSpan.FromMinutes(2);

    /// <summary>Whether what comes in keeps a mapping alive, not only what goes out. Default true.</summary>
    public bool RefreshOnInbound { get; init; } = true;

    /// <summary>Whether hosts inside reach each other by outside addresses. Default false.</summary>
    public bool Hairpin { get; init; }

    /// <summary>Age at which a mapping gets another port although it is in use; null for never. Default null.</summary>
    public TimeSpan? DriftAfter { get; init => field = value is { } age ? Require.Positive(age) : null; }

    /// <summary>Mappings at once, 1 to 64,000; a packet that needs one more is dropped. Default 16,384.</summary>
    public int MaxMappings { get; init => field = (int)Require.Range(value, 1, 64_000); } = 16_384;
}
