using System.IO.Pipelines;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using PeopleSwarm.Udx;

namespace PeopleSwarm;

/// <summary>Takes a datagram that is no UDX packet, borrowed until the call returns. Runs on the loop.</summary>
public delegate void DatagramHandler(ReadOnlySpan<byte> datagram, UdpEndPoint from);

/// <summary>UDX by itself: one bound socket, its loop and its streams. Safe on any thread.</summary>
public sealed class UdxSocket : IAsyncDisposable
{
    private readonly IDatagramHost _host;
    private readonly IReliableTransport _transport;
    private readonly RawDatagrams _raw;
    private readonly IDisposable? _owned;

    private UdxSocket(IDatagramHost host, IReliableTransport transport, UdpEndPoint local, DatagramSocketOptions? options,
        DatagramHandler? onDatagram, IDisposable? owned)
    {
        (_host, _transport, _owned) = (host, transport, owned);
        _raw = new RawDatagrams(onDatagram);
        host.Attach(_raw);
        try
        {
            Id = host.Bind(local, options);
        }
        catch
        {
            owned?.Dispose(); // the host has neither thread nor socket yet
            throw;
        }
        LocalEndPoint = host.GetLocalEndPoint(Id);
    }

    /// <summary>The address bound, with its real port.</summary>
    public UdpEndPoint LocalEndPoint { get; }

    /// <summary>The socket's id on its host.</summary>
    public SocketId Id { get; }

    /// <summary>The streams.</summary>
    public IReliableTransport Transport => _transport;

    /// <summary>Binds a socket with parts made here.</summary>
    /// <param name="local">The address; port 0 takes any.</param>
    /// <param name="onDatagram">Called for datagrams that are no UDX packets; null drops them.</param>
    /// <param name="options">Limits and timings; null takes the defaults.</param>
    /// <param name="socketOptions">How the socket is bound; null takes the defaults.</param>
    /// <param name="loggers">Where to log; null logs nothing.</param>
    /// <exception cref="SocketException">The port is in use or the address is not ours.</exception>
    /// <exception cref="OptionsValidationException"><paramref name="options"/> break a rule.</exception>
    public static UdxSocket Bind(UdpEndPoint local, DatagramHandler? onDatagram = null, UdxOptions? options = null,
        DatagramSocketOptions? socketOptions = null, ILoggerFactory? loggers = null)
    {
        options ??= new UdxOptions();
        UdxOptionsRules.ThrowIfInvalid(options);

        loggers ??= NullLoggerFactory.Instance;
        UdxMetrics metrics = new();
        var hostOptions = Options.Create(new DatagramHostOptions());
        DatagramHost host = new(new UdpDatagramSocketFactory(hostOptions, metrics, loggers), PipeScheduler.ThreadPool, TimeProvider.System,
            hostOptions.Value, metrics, loggers.CreateLogger<DatagramHost>());
        UdxTransport transport = new(host, options, new SystemRandomSource(), PipeScheduler.ThreadPool, metrics,
            loggers.CreateLogger<UdxTransport>());
        return new UdxSocket(host, transport, local, socketOptions, onDatagram, metrics);
    }

    /// <summary>Binds a socket with the parts of a service provider.</summary>
    /// <exception cref="SocketException">The port is in use or the address is not ours.</exception>
    public static UdxSocket Bind(IDatagramHostFactory hosts, IReliableTransportFactory transports, UdpEndPoint local,
        DatagramHandler? onDatagram = null, DatagramSocketOptions? socketOptions = null)
    {
        ArgumentNullException.ThrowIfNull(hosts);
        ArgumentNullException.ThrowIfNull(transports);
        var host = hosts.Create();
        return new UdxSocket(host, transports.Create(host), local, socketOptions, onDatagram, null);
    }

    /// <summary>Makes a stream that can receive at once and send after <see cref="IReliableStream.Connect"/>.</summary>
    /// <exception cref="ArgumentException">The id asked for is in use.</exception>
    public IReliableStream CreateStream(ReliableStreamOptions? options = null) => _transport.CreateStream(options);

    /// <summary>Makes a stream and connects it through this socket.</summary>
    /// <param name="localId">Our id of the stream.</param>
    /// <param name="remoteId">The peer's id of it.</param>
    /// <param name="remote">The peer's address.</param>
    /// <exception cref="ArgumentException"><paramref name="localId"/> is in use or the port is 0.</exception>
    public IReliableStream Connect(uint localId, uint remoteId, UdpEndPoint remote)
    {
        if (remote.Port == 0) throw new ArgumentException("The port of a peer is never 0.", nameof(remote));
        IReliableStream stream;
        try
        {
            stream = _transport.CreateStream(new ReliableStreamOptions { LocalId = localId });
        }
        catch (ArgumentException error)
        {
            throw new ArgumentException($"The stream id {localId} is in use.", nameof(localId), error);
        }
        stream.Connect(Id, remoteId, remote);
        return stream;
    }

    /// <summary>Sends one datagram that is no UDX packet, unreliably; false if too many wait already.</summary>
    /// <param name="datagram">1 to 2,048 bytes.</param>
    /// <param name="to">The destination.</param>
    /// <param name="ttl">Hop limit; 0 leaves the socket's own.</param>
    /// <exception cref="ArgumentException">The datagram is empty or too long, or the port is 0.</exception>
    public bool TrySend(ReadOnlySpan<byte> datagram, UdpEndPoint to, byte ttl = 0)
    {
        if (datagram.IsEmpty || datagram.Length > UdpDatagramSocket.MaxDatagram)
            throw new ArgumentException($"A datagram has 1 to {UdpDatagramSocket.MaxDatagram} bytes.", nameof(datagram));
        if (to.Port == 0) throw new ArgumentException("The port of a destination is never 0.", nameof(to));
        if (!_raw.TryQueue(datagram, new Transmit(to, datagram.Length, Id, Ttl: ttl))) return false;
        _host.Wake();
        return true;
    }

    /// <summary>Ends all streams as <see cref="IReliableTransport"/> does, then closes the socket.</summary>
    public async ValueTask DisposeAsync()
    {
        await _transport.DisposeAsync().ConfigureAwait(false);
        await _host.DisposeAsync().ConfigureAwait(false);
        _owned?.Dispose();
    }
}
