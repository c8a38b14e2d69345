namespace PeopleSwarm.Swarm.Policy;

/// <summary>What the swarm's policy asks its shell to do; done outside the gate, in order.</summary>
internal abstract record SwarmAction
{
    /// <summary>
    /// Ask the firewall, then dial; ends in <see cref="SwarmMachine.DialRefused"/>, <see cref="SwarmMachine.DialOpened"/> or
    /// <see cref="SwarmMachine.Closed"/>.
    /// </summary>
    internal sealed record Dial(Link Link, bool ForceRelay) : SwarmAction;

    /// <summary>Give a dial up.</summary>
    internal sealed record CancelDial(Link Link) : SwarmAction;

    /// <summary>Break a connection.</summary>
    internal sealed record Abort(IPeerConnection Connection, string Reason) : SwarmAction;

    /// <summary>See whether a peer still answers; ends in <see cref="SwarmMachine.Unreachable"/> if it does not.</summary>
    internal sealed record Probe(Link Link) : SwarmAction;

    /// <summary>Refresh a topic whose time has come.</summary>
    internal sealed record Refresh(TopicMachine Topic) : SwarmAction;

    /// <summary>Hand a new connection to the application, and watch for its end.</summary>
    internal sealed record Opened(Link Link) : SwarmAction;

    /// <summary>Tell the application that a peer was banned.</summary>
    internal sealed record Banned(PeerInfo Peer, string Reason) : SwarmAction;

    /// <summary>Tell the application that a peer was found on a further topic.</summary>
    internal sealed record TopicFound(PeerInfo Peer, Topic Topic) : SwarmAction;

    /// <summary>Tell the application that something changed.</summary>
    internal sealed record Updated : SwarmAction
    {
        public static Updated Instance { get; } = new();
    }
}
