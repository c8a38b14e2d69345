namespace PeopleSwarm;

/// <summary>Makes transports.</summary>
public interface IReliableTransportFactory
{
    /// <summary>A transport on <paramref name="host"/>, attached to it; one table of streams for all its sockets.</summary>
    IReliableTransport Create(IDatagramHost host);
}

/// <summary>Reliable streams over the sockets of one host.</summary>
public interface IReliableTransport : IAsyncDisposable
{
    /// <summary>The host the streams run on.</summary>
    IDatagramHost Host { get; }

    /// <summary>Streams not yet closed.</summary>
    int StreamCount { get; }

    /// <summary>Makes a stream that can receive at once and send after <see cref="IReliableStream.Connect"/>. Any thread.</summary>
    /// <exception cref="ArgumentException">The id asked for is in use.</exception>
    /// <exception cref="InvalidOperationException">The transport holds as many streams as its options allow.</exception>
    IReliableStream CreateStream(ReliableStreamOptions? options = null);
}

/// <summary>Decides whether a packet for a stream may come from another socket than the stream's own. Runs on the loop.</summary>
/// <returns>True to process the packet. The stream may be connected from inside the call.</returns>
public delegate bool PathFilter(IReliableStream stream, in DatagramSource source);

/// <summary>Hears that a packet with data or a message came from a stream's new remote. Runs on the loop.</summary>
public delegate void PathHandler(IReliableStream stream, in DatagramSource source);

/// <summary>Decides whether a relayed packet of <paramref name="length"/> bytes may pass. Runs on the loop.</summary>
public delegate bool RelayFilter(int length);

/// <summary>Takes an unordered message, borrowed until the call returns. Runs on the loop.</summary>
public delegate void MessageHandler(ReadOnlySpan<byte> message);

/// <summary>How a stream is made.</summary>
public sealed record ReliableStreamOptions
{
    /// <summary>Our id of the stream, unique on the transport; null takes a random one.</summary>
    public uint? LocalId { get; init; }

    /// <summary>Asked for packets while the stream is not connected, or that arrive on another socket than its own; null refuses them.</summary>
    public PathFilter? AcceptPath { get; init; }

    /// <summary>
    /// Called once after each <see cref="IReliableStream.ChangeRemote"/>, when the first data or message has come by another way than the
    /// path before: the peer has moved too. Null for nobody.
    /// </summary>
    public PathHandler? OnPathProved { get; init; }

    /// <summary>Called for each unordered message; null drops them.</summary>
    public MessageHandler? OnMessage { get; init; }
}
