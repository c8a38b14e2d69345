namespace PeopleSwarm.Dht.Connect;

/// <summary>A path that led to a peer: where its packets came from, the socket they came to, and how it was found.</summary>
internal readonly record struct ReusableRoute(DatagramSource To, PeerPath Path);

/// <summary>
/// Paths to peers where both sides asked for it, kept while their stream is open and a moment longer: the next connection to the same peer begins there and
/// needs neither a look-up nor punching (spec hyperdht, 9.3 and 11). On the loop.
/// </summary>
internal interface IReusableRoutes
{
    /// <summary>Keeps the path of a stream that was connected.</summary>
    void Keep(PublicKey remote, IReliableStream stream, PeerPath path);

    /// <summary>The path to a peer, if it is kept still.</summary>
    bool TryGet(PublicKey remote, out ReusableRoute route);

    /// <summary>We are elsewhere, or our sockets are.</summary>
    void Clear();
}
