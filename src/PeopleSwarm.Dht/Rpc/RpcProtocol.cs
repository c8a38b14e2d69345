namespace PeopleSwarm.Dht.Rpc;

/// <summary>Numbers of the RPC layer that both ends rely on.</summary>
internal static class RpcProtocol
{
    /// <summary>The reference cuts datagrams to this many bytes, so no longer one is sent or taken.</summary>
    public const int MaxDatagramSize = 2048;

    public const int TokenSize = 32;

    /// <summary>Length of the ticks that node ages are counted in.</summary>
    public static readonly TimeSpan TickInterval = TimeSpan.FromSeconds(5);

    /// <summary>A request is sent again after this time.</summary>
    public static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(1);
}

/// <summary>The commands of the RPC layer itself (spec dht-rpc, 10).</summary>
internal static class RpcCommands
{
    public const int Ping = 0, PingNat = 1, FindNode = 2, DownHint = 3, DelayedPing = 4;
}

/// <summary>Error codes of responses; 16 and up belong to overlays (spec dht-rpc, 6).</summary>
internal static class RpcErrors
{
    public const int UnknownCommand = 1, InvalidToken = 2;
}
