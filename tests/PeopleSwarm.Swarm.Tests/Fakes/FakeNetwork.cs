using System.Collections.Concurrent;

namespace PeopleSwarm.Swarm.Fakes;

/// <summary>Topics, listeners and connections in memory; each step takes a random time up to <see cref="MaxLatency"/>.</summary>
internal sealed class FakeNetwork(int seed = 1, TimeProvider? time = null)
{
    private readonly Lock _gate = new();
    private readonly Random _random = new(seed);
    private readonly Dictionary<Topic, Dictionary<PublicKey, PeerRecord>> _topics = [];
    private int _nodes;

    public TimeProvider Time { get; } = time ?? TimeProvider.System;

    public TimeSpan MaxLatency { get; set; } = TimeSpan.Zero;

    public ConcurrentDictionary<PublicKey, FakeListener> Listeners { get; } = [];

    /// <summary>Storing nodes that answer a query, each with all records.</summary>
    public int Answers { get; set; } = 2;

    /// <summary>Fails dials before anything else; null lets them through.</summary>
    public Func<PublicKey, PeerConnectOptions, PeerConnectError?> DialFault { get; set; } = (_, _) => null;

    /// <summary>Fails queries; null lets them through.</summary>
    public Func<Topic, DhtError?> QueryFault { get; set; } = _ => null;

    /// <summary>Holds dials back until it completes.</summary>
    public Task DialGate { get; set; } = Task.CompletedTask;

    /// <summary>Holds the answers to queries that begin from now on back until it completes.</summary>
    public Task AnswerGate { get; set; } = Task.CompletedTask;

    /// <summary>What was asked of the network, in order.</summary>
    public ConcurrentQueue<string> Journal { get; } = [];

    public static IReadOnlyList<UdpEndPoint> StoringNodes { get; } = [UdpEndPoint.Loopback(101), UdpEndPoint.Loopback(102)];

    public FakeDhtNode AddNode(byte? key = null) => new(this, Keys.Pair(key ?? (byte)Interlocked.Increment(ref _nodes)));

    public async Task DelayAsync(CancellationToken cancellationToken = default)
    {
        var delay = NextLatency();
        if (delay > TimeSpan.Zero) await Task.Delay(delay, Time, cancellationToken);
        else await Task.Yield();
        cancellationToken.ThrowIfCancellationRequested();
    }

    public IReadOnlyList<PeerRecord> Records(Topic topic)
    {
        lock (_gate) return _topics.TryGetValue(topic, out var records) ? [.. records.Values] : [];
    }

    public void List(Topic topic, PeerRecord record)
    {
        lock (_gate)
        {
            if (!_topics.TryGetValue(topic, out var records)) _topics.Add(topic, records = []);
            records[record.PublicKey] = record;
        }
    }

    public void Unlist(Topic topic, PublicKey key)
    {
        lock (_gate)
        {
            if (_topics.TryGetValue(topic, out var records)) records.Remove(key);
        }
    }

    private TimeSpan NextLatency()
    {
        lock (_gate) return _random.NextDouble() * MaxLatency;
    }
}

/// <summary>Keys that sort by their number.</summary>
internal static class Keys
{
    public static PublicKey Public(int number)
    {
        var bytes = new byte[PublicKey.Size];
        (bytes[0], bytes[1], bytes[2]) = ((byte)number, (byte)(number >> 8), (byte)(number >> 16));
        return new(bytes);
    }

    public static KeyPair Pair(int number)
    {
        var secret = new byte[KeyPair.SecretKeySize];
        Public(number).CopyTo(secret.AsSpan(KeyPair.SeedSize));
        return new(Public(number), secret);
    }

    public static Topic Topic(int number)
    {
        var bytes = new byte[PeopleSwarm.Topic.Size];
        (bytes[0], bytes[1]) = ((byte)number, (byte)(number >> 8));
        return new(bytes);
    }
}
