namespace PeopleSwarm.Testing;

/// <summary>An outside port and who it stands for.</summary>
internal sealed class NatMapping(UdpEndPoint inside, UdpEndPoint scope, ushort port)
{
    public UdpEndPoint Inside => inside;

    /// <summary>The destination it is for, as far as the NAT tells destinations apart; default for all.</summary>
    public UdpEndPoint Scope => scope;

    public ushort Port => port;
    public required Timestamp Created { get; init; }
    public required Timestamp LastUsed { get; set; }

    /// <summary>Destinations and when they were last written to, or heard.</summary>
    public Dictionary<UdpEndPoint, Timestamp> WrittenTo { get; } = [];
}
