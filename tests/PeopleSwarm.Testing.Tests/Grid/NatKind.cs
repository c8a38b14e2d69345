namespace PeopleSwarm.Testing.Grid;

/// <summary>What a punch can know of a NAT.</summary>
internal enum NatClass
{
    Open,
    Consistent, // one outside port for all destinations
    Random,     // another for each
}

/// <summary>A NAT of the grid; null options for a host without one.</summary>
/// <param name="Name">Mapping and filtering, then the ports: <c>i</c>, <c>a</c>, <c>p</c> for endpoint-independent, address-dependent, address-and-port-dependent.</param>
/// <param name="Options">How it behaves.</param>
internal sealed record NatKind(string Name, NatOptions? Options)
{
    private static readonly (string Letter, NatBehavior Value)[] s_behaviors =
        [("i", NatBehavior.EndpointIndependent), ("a", NatBehavior.AddressDependent), ("p", NatBehavior.AddressAndPortDependent)];

    private static readonly (string Letter, NatPortAllocation Value)[] s_ports =
        [("", NatPortAllocation.Preserving), ("+", NatPortAllocation.Sequential), ("?", NatPortAllocation.Random)];

    public NatClass Class => Options is null ? NatClass.Open
        : Options.Mapping == NatBehavior.EndpointIndependent ? NatClass.Consistent : NatClass.Random;

    /// <summary>No NAT, then every mapping with every filtering and every way to choose ports.</summary>
    public static IReadOnlyList<NatKind> All { get; } =
    [
        new("open", null),
        .. from mapping in s_behaviors
           from filtering in s_behaviors
           from ports in s_ports
           select new NatKind($"{mapping.Letter}/{filtering.Letter}{ports.Letter}",
               new() { Mapping = mapping.Value, Filtering = filtering.Value, Ports = ports.Value }),
    ];
}
