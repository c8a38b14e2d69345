namespace PeopleSwarm.Dht;

/// <summary>
/// Shows which of our local addresses work: a socket on each sends itself one byte (spec hyperdht, 8.2). Some addresses of a machine carry nothing, of
/// virtual machines and tunnels above all. On the loop.
/// </summary>
/// <param name="bind">Binds a socket; null where the address is not ours.</param>
/// <param name="close">Closes it.</param>
internal sealed class LocalAddressProof(Func<UdpEndPoint, DatagramSource?> bind, Action<SocketId> close) : IDatagramMachine
{
    private const int MaxAddresses = 64; // of one machine
    private static readonly TimeSpan s_limit = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan s_firstPause = TimeSpan.FromSeconds(10), s_longestPause = TimeSpan.FromMinutes(10);

    private readonly Dictionary<UdpEndPoint, Test> _tests = [];
    private readonly Queue<Test> _due = new();

    /// <summary>Called whenever no attempt is under way any more.</summary>
    public Action? Settled { get; set; }

    public Timestamp? NextTimeout
    {
        get
        {
            Timestamp? next = null;
            foreach (var test in _tests.Values) next = Timestamp.Earliest(next, test.Until);
            return next;
        }
    }

    /// <summary>Whether the address was proved; one that was not is tried, now and, ever later, when it is asked for again: a datagram may get lost.</summary>
    public bool IsProved(Timestamp now, in UdpEndPoint address)
    {
        var key = address.WithPort(0);
        if (!_tests.TryGetValue(key, out var test))
        {
            if (_tests.Count >= MaxAddresses) return false;
            _tests.Add(key, test = new());
        }
        if (!test.IsProved && test.Until is null && now >= test.NextTry) Try(now, key, test);
        return test.IsProved;
    }

    private void Try(Timestamp now, in UdpEndPoint address, Test test)
    {
        (test.NextTry, test.Pause) = (now + test.Pause, TimeSpan.FromTicks(Math.Min(2 * test.Pause.Ticks, s_longestPause.Ticks)));
        if (bind(address) is not { } own) return;
        (test.Own, test.Until) = (own, now + s_limit);
        _due.Enqueue(test);
    }

    /// <summary>The interfaces changed: every address is tried again when it is next asked for.</summary>
    public void Forget()
    {
        foreach (var test in _tests.Values) End(test);
        _tests.Clear();
        _due.Clear();
    }

    public bool Receive(Timestamp now, ReadOnlySpan<byte> datagram, in DatagramSource source)
    {
        if (datagram.Length != 1) return false;
        foreach (var test in _tests.Values)
        {
            if (test.Until is null || test.Own.Socket != source.Socket) continue;
            if (test.Own == source) // anybody may send to it
            {
                test.IsProved = true;
                End(test);
            }
            return true;
        }
        return false;
    }

    public void HandleTimeout(Timestamp now)
    {
        foreach (var test in _tests.Values)
            if (test.Until <= now) End(test);
    }

    public bool PollTransmit(Timestamp now, Span<byte> buffer, out Transmit transmit)
    {
        transmit = default;
        if (!_due.TryDequeue(out var test)) return false;
        buffer[0] = 0;
        transmit = new(test.Own.From, Length: 1, test.Own.Socket);
        return true;
    }

    private void End(Test test)
    {
        if (test.Until is null) return;
        test.Until = null;
        close(test.Own.Socket);
        if (NextTimeout is null) Settled?.Invoke();
    }

    private sealed class Test
    {
        /// <summary>The socket and its address.</summary>
        public DatagramSource Own { get; set; }

        /// <summary>When the attempt is given up; null once it is over.</summary>
        public Timestamp? Until { get; set; }

        public bool IsProved { get; set; }

        /// <summary>When it may be tried, again; and what is added then.</summary>
        public Timestamp NextTry { get; set; }

        public TimeSpan Pause { get; set; } = s_firstPause;
    }
}
