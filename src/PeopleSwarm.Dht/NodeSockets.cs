using System.Net.Sockets;
using PeopleSwarm.Dht.Rpc;

namespace PeopleSwarm.Dht;

/// <summary>Binds a node's two sockets: the ports used before, then the range, then any (spec dht-rpc, 8).</summary>
internal sealed class NodeSockets(IDatagramHost host, DhtOptions options)
{
    private readonly UdpEndPoint _local = LocalOf(options);
    private ushort _serverPort, _clientPort;
    private SocketId? _server, _client;

    /// <summary>The server socket's address; default while closed.</summary>
    public UdpEndPoint Local { get; private set; }

    /// <summary>The client socket's address; default while closed.</summary>
    public UdpEndPoint Client { get; private set; }

    /// <summary>The address all of a node's sockets are bound to.</summary>
    public static UdpEndPoint LocalOf(DhtOptions options) => DhtOptionsRules.TryParseHost(options.Host, out var local) ? local : UdpEndPoint.AnyIPv4;

    /// <summary>The socket of new requests; null while closed.</summary>
    public SocketId? Default(bool isFirewalled) => isFirewalled ? _client : _server;

    public bool Owns(SocketId socket) => socket == _server || socket == _client;

    /// <exception cref="SocketException">No port could be bound.</exception>
    public RpcSockets Bind()
    {
        var server = BindServer();
        SocketId client;
        try
        {
            client = BindFirst([_clientPort], anyPort: true);
        }
        catch (SocketException)
        {
            host.Close(server);
            throw;
        }
        (_server, _client) = (server, client);
        (Local, Client) = (host.GetLocalEndPoint(server), host.GetLocalEndPoint(client));
        (_serverPort, _clientPort) = (Local.Port, Client.Port);
        return new(server, _serverPort, client);
    }

    public void Close()
    {
        if (_server is { } server) host.Close(server);
        if (_client is { } client) host.Close(client);
        (_server, _client, Local, Client) = (null, null, default, default);
    }

    private SocketId BindServer()
    {
        var candidates = new List<ushort>();
        if (_serverPort != 0) candidates.Add(_serverPort);
        for (int i = 0; i < options.PortCount && options.Port != 0; i++) candidates.Add((ushort)(options.Port + i));
        bool exactly = options.IsBootstrapper || !options.AnyPort;
        return BindFirst(exactly ? [(ushort)options.Port] : candidates, anyPort: !exactly);
    }

    private SocketId BindFirst(IReadOnlyList<ushort> candidates, bool anyPort)
    {
        SocketException? refusal = null;
        foreach (ushort port in candidates)
        {
            try
            {
                return host.Bind(_local.WithPort(port));
            }
            catch (SocketException error)
            {
                refusal = error;
            }
        }
        return anyPort || refusal is null ? host.Bind(_local) : throw refusal;
    }
}
