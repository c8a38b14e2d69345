namespace PeopleSwarm.Testing.Grid;

/// <summary>A dialler and a listener, whole nodes, on a small DHT; what their connection lives through.</summary>
internal sealed class NatPair : IDisposable
{
    private static readonly TimeSpan s_answer = TimeSpan.FromSeconds(30);

    private readonly SimulatedNetwork _net;
    private readonly NatLife _row;
    private readonly SimulatedNat[] _nats;
    private readonly SimulatedDht _dht;
    private readonly IDhtNode _dialler, _listener;

    public NatPair(long seed, NatLife row)
    {
        _row = row;
        _net = new(seed) { Latency = TimeSpan.FromMilliseconds(20), Jitter = TimeSpan.FromMilliseconds(5) };
        _dht = new(_net, nodes: 5);
        var (dialler, listener, nats) = row.Places(_net);
        _nats = nats;
        _dialler = _dht.AddNode(dialler);
        _listener = _dht.AddNode(listener);
    }

    /// <summary>Connects, says nothing for a while, then speaks; what became of it in words.</summary>
    public string Run(TimeSpan idle, TimeSpan limit) => _net.Run(async () =>
    {
        await _dht.WhenBootstrappedAsync();
        await using var listener = await _listener.ListenAsync();
        try
        {
            var (path, lives) = await MeetAsync(listener, idle);
            if (lives) return $"{path}, lives";
            return $"{path}, ends, {(await MeetAsync(listener, TimeSpan.Zero) is (_, true) ? "found again" : "is lost again")}";
        }
        catch (PeerConnectException error)
        {
            return error.Error == PeerConnectError.HolepunchAborted ? "no path" : $"no path: {error.Error}";
        }
    }, limit);

    public void Dispose() => _dht.Dispose();

    private async Task<(PeerPath Path, bool Lives)> MeetAsync(IPeerListener listener, TimeSpan idle)
    {
        var accepting = listener.AcceptAsync().AsTask();
        await using var ours = await _dialler.ConnectAsync(listener.PublicKey);
        await using var theirs = await accepting;
        await ExchangeAsync(ours, theirs);
        var path = ours.Path;
        await Task.Delay(idle / 2, _net.TimeProvider);
        if (_row.IsRestarted)
            foreach (var nat in _nats) nat.Restart();
        await Task.Delay(idle / 2, _net.TimeProvider);
        bool lives = await ExchangeAsync(ours, theirs);
        Assert.Equal(lives, !ours.Closed.IsCompleted && !theirs.Closed.IsCompleted);
        return (path, lives);
    }

    /// <summary>A word each way; false if the connection is over, or is silent.</summary>
    private async Task<bool> ExchangeAsync(IPeerConnection ours, IPeerConnection theirs)
    {
        try
        {
            await ours.Channel.WriteMessageAsync("hello"u8.ToArray());
            var heard = await theirs.Channel.ReadMessageAsync().AsTask().WaitAsync(s_answer, _net.TimeProvider);
            await theirs.Channel.WriteMessageAsync("hello"u8.ToArray());
            var answer = await ours.Channel.ReadMessageAsync().AsTask().WaitAsync(s_answer, _net.TimeProvider);
            return heard is not null && answer is not null;
        }
        catch (Exception over) when (over is IOException or TimeoutException)
        {
            return false;
        }
    }
}
