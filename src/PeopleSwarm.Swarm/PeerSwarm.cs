using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using PeopleSwarm.Swarm;
using PeopleSwarm.Swarm.Policy;

namespace PeopleSwarm;

/// <summary>Topics in, encrypted connections out. Members are safe on any thread; what is read is a snapshot.</summary>
/// <remarks>
/// Spec: hyperswarm. The policy is a machine behind one gate. What it decides is done outside the gate, in order, on the thread
/// pool; events are raised one after the other, so a slow handler delays later events but no connection.
/// </remarks>
public sealed partial class PeerSwarm : IPeerSwarm
{
    private readonly Lock _gate = new();
    private readonly SwarmMachine _machine;
    private readonly Dictionary<Topic, TopicDiscovery> _topics = [];
    private readonly Dictionary<Topic, Task> _withdrawals = [];
    private readonly SerialExecutor<SwarmAction> _actions;
    private readonly SerialExecutor<Action> _events;
    private readonly ConnectionFeed _feed;
    private readonly SwarmDialler _dialler;
    private readonly ITimer _timer;
    private readonly IRandomSource _random;
    private readonly SwarmOwnership _ownership;
    private Timestamp? _armedFor;

    /// <summary>Makes a swarm on an existing node, which stays alive and is not suspended with the swarm.</summary>
    /// <param name="dht">The node.</param>
    /// <param name="options">How the swarm behaves; read now. Null for the defaults. A <see cref="SwarmOptions.Seed"/> needs a container: give a key pair here.</param>
    /// <param name="time">The clock; null for the system's.</param>
    /// <param name="random">Where random choices come from; null for the system's.</param>
    /// <param name="logger">Where messages go; null for nowhere.</param>
    /// <exception cref="Microsoft.Extensions.Options.OptionsValidationException">An option breaks its rule; the message names both.</exception>
    /// <exception cref="ArgumentException">The options have a seed.</exception>
    public PeerSwarm(IDhtNode dht, SwarmOptions? options = null, TimeProvider? time = null, IRandomSource? random = null,
        ILogger<PeerSwarm>? logger = null) : this(dht, options ?? new(), time, random, logger, null, new()) { }

    internal PeerSwarm(IDhtNode dht, SwarmOptions options, TimeProvider? time, IRandomSource? random, ILogger? logger,
        IMeterFactory? meters, SwarmOwnership ownership)
    {
        ArgumentNullException.ThrowIfNull(dht);
        SwarmOptionsRules.ThrowIfInvalid(options);
        if (options.Seed is not null && ownership.KeyPair is null)
            throw new ArgumentException("A seed needs the container's crypto suite: give KeyPair = KeyPair.FromSeed(seed), or use AddSwarm or Create.", nameof(options));
        (Dht, Options, _ownership) = (dht, options, ownership);
        KeyPair = ownership.KeyPair ?? options.KeyPair ?? dht.KeyPair;
        Time = time ?? TimeProvider.System;
        Logger = logger ?? (ILogger)NullLogger<PeerSwarm>.Instance;
        _random = random ?? new SystemRandomSource();
        _machine = new(KeyPair.PublicKey, options, _random, peer => Change((machine, now) => machine.BanChanged(now, peer)));
        _actions = new(Perform, error => SwarmLog.WorkFailed(Logger, error));
        _events = new(raise => raise(), error => SwarmLog.HandlerFailed(Logger, error));
        _feed = new(options.Backlog);
        _dialler = new(this);
        Listener = new(ListenOnAsync, connection => Change((machine, _) => machine.Incoming(connection)), Logger);
        Metrics = new(meters, read => Read(read));
        _timer = Time.CreateTimer(static swarm => ((PeerSwarm)swarm!)._actions.Post(TimerFired.Instance), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _wasOnline = dht.Status.IsOnline;
        dht.NetworkChanged += OnNetworkChanged;
        dht.StatusChanged += OnStatusChanged;
    }

    /// <summary>Makes a swarm with a node of its own, for programs without a host; disposing the swarm disposes all of it.</summary>
    /// <param name="configure">How the swarm behaves.</param>
    /// <param name="services">Replaces or configures the parts below, such as the node's options or logging.</param>
    /// <exception cref="Microsoft.Extensions.Options.OptionsValidationException">An option breaks its rule; the message names both.</exception>
    public static PeerSwarm Create(Action<SwarmOptions>? configure = null, Action<IServiceCollection>? services = null)
    {
        var collection = new ServiceCollection();
        services?.Invoke(collection);
        var provider = collection.AddSwarm(configure).BuildServiceProvider();
        return SwarmServiceCollectionExtensions.CreateSwarm(provider, provider);
    }

    /// <inheritdoc/>
    public event EventHandler<SwarmConnectionEventArgs>? Connected;

    /// <inheritdoc/>
    public event EventHandler? Updated;

    /// <inheritdoc/>
    public event EventHandler<PeerBannedEventArgs>? PeerBanned;

    /// <inheritdoc/>
    public KeyPair KeyPair { get; }

    /// <inheritdoc/>
    public IDhtNode Dht { get; }

    /// <inheritdoc/>
    public IReadOnlyCollection<ISwarmConnection> Connections => Read(machine => machine.OpenConnections);

    /// <inheritdoc/>
    public int Connecting => Read(machine => machine.Connecting);

    /// <inheritdoc/>
    public IReadOnlyCollection<IPeerInfo> Peers => Read(machine => machine.Peers);

    /// <inheritdoc/>
    public SwarmStatistics Statistics => Read(machine => machine.Statistics);

    /// <inheritdoc/>
    public IReadOnlyCollection<ITopicDiscovery> Topics => Read(_ => _topics.Values.ToArray());

    /// <inheritdoc/>
    public bool IsSuspended => Read(machine => machine.IsSuspended);

    internal SwarmOptions Options { get; }

    internal TimeProvider Time { get; }

    internal ILogger Logger { get; }

    internal SwarmListener Listener { get; }

    internal SwarmMetrics Metrics { get; }

    /// <summary>Dials in progress and watches over open connections.</summary>
    internal RunningTasks Links { get; } = new();

    /// <inheritdoc/>
    public IAsyncEnumerable<ISwarmConnection> AcceptAllAsync(CancellationToken cancellationToken = default) => _feed.ReadAllAsync(cancellationToken);

    /// <inheritdoc/>
    public void JoinPeer(PublicKey publicKey)
    {
        ThrowIfDisposed();
        Change((machine, now) => machine.JoinPeer(now, publicKey));
    }

    /// <inheritdoc/>
    public void LeavePeer(PublicKey publicKey) => Change((machine, now) => machine.LeavePeer(now, publicKey));

    /// <inheritdoc/>
    public async Task ListenAsync(CancellationToken cancellationToken = default)
    {
        ThrowIfDisposed();
        if (IsSuspended) throw new InvalidOperationException("The swarm is suspended: resume it first.");
        await Listener.StartAsync().WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task<bool> FlushAsync(CancellationToken cancellationToken = default)
    {
        if (Listener.IsStarted) await Listener.StartAsync().WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancellationToken.ThrowIfCancellationRequested();
        foreach (var topic in Read(_ => _topics.Values.ToArray())) await topic.WhenRefreshedAsync(cancellationToken).ConfigureAwait(false);
        var completed = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        FlushSet.Flush? flush = null;
        Change((machine, _) => flush = machine.BeginFlush(result => completed.TrySetResult(result)));
        try
        {
            return await completed.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            if (flush is not null) Change((machine, _) => machine.CancelFlush(flush));
            throw;
        }
    }

    /// <summary>Reads the machine under the gate.</summary>
    internal T Read<T>(Func<SwarmMachine, T> read)
    {
        lock (_gate) return read(_machine);
    }

    /// <summary>Changes the machine under the gate and has done what it decided.</summary>
    internal void Change(Action<SwarmMachine, Timestamp> change)
    {
        lock (_gate)
        {
            change(_machine, Timestamp.Now(Time));
            PublishUnsynchronized();
        }
    }

    private void PublishUnsynchronized()
    {
        while (_machine.TryTake(out var action)) _actions.Post(action);
        var next = _machine.NextTimeout;
        if (next == _armedFor) return;
        _armedFor = next;
        var delay = next is { } due ? due - Timestamp.Now(Time) : Timeout.InfiniteTimeSpan;
        _timer.Change(next is null ? delay : TimeSpan.FromMilliseconds(Math.Clamp(Math.Ceiling(delay.TotalMilliseconds), 0, int.MaxValue)), Timeout.InfiniteTimeSpan);
    }

    private void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(Read(machine => machine.IsDestroyed), this);
}
