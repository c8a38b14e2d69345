namespace PeopleSwarm.Swarm.Fakes;

/// <summary>Swarms of one topic.</summary>
internal static class Mesh
{
    /// <summary>Whether each pair has one connection, the same on both sides, and nobody dials.</summary>
    public static bool IsComplete(params PeerSwarm[] swarms) => Array.TrueForAll(swarms, swarm =>
        swarm.Connecting == 0 && swarm.Connections.Count == swarms.Length - 1 && swarm.Connections.All(connection => HasOtherEnd(swarms, connection)));

    private static bool HasOtherEnd(PeerSwarm[] swarms, ISwarmConnection connection) => swarms.Any(other =>
        other.KeyPair.PublicKey == connection.RemotePublicKey && other.Connections.Any(candidate =>
            candidate.IsInitiator != connection.IsInitiator && candidate.HandshakeHash.Span.SequenceEqual(connection.HandshakeHash.Span)));
}
