namespace PeopleSwarm.Dht.Messages;

/// <summary>Command numbers of the peer DHT (spec hyperdht, 1.1).</summary>
internal static class PeerCommand
{
    public const int PeerHandshake = 0;
    public const int PeerHolepunch = 1;
    public const int FindPeer = 2;
    public const int Lookup = 3;
    public const int Announce = 4;
    public const int Unannounce = 5;
    public const int MutablePut = 6;
    public const int MutableGet = 7;
    public const int ImmutablePut = 8;
    public const int ImmutableGet = 9;
    public const int Plugin = 10;

    /// <summary>PING of the RPC layer's own commands (spec dht-rpc, 10).</summary>
    public const int InternalPing = 0;
}
