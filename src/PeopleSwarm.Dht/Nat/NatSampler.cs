namespace PeopleSwarm.Dht.Nat;

/// <summary>Our address from what others say it is: the ring sampler of the RPC layer (spec dht-rpc, 14).</summary>
internal sealed class NatSampler
{
    private const int MaxSamples = 16, Lookback = 4;

    private readonly Counter[] _exact = new Counter[MaxSamples], _anyPort = new Counter[MaxSamples];
    private int _next, _threshold;
    private Counter? _bestExact, _bestAnyPort;

    /// <summary>Samples kept, at most 16.</summary>
    public int Count { get; private set; }

    /// <summary>Counts an address must reach to be believed.</summary>
    public int Threshold => _threshold;

    /// <summary>Our address; with port 0 while only the host is agreed on; null while nothing is.</summary>
    public UdpEndPoint? Result { get; private set; }

    /// <summary>Takes a sample; returns how often it was seen among the latest.</summary>
    public int Add(in UdpEndPoint sample)
    {
        var exact = CountIn(_exact, sample);
        var anyPort = CountIn(_anyPort, sample.WithPort(0));
        if (Count < MaxSamples)
        {
            Count++;
            _threshold = Count - Count switch { < 4 => 0, < 8 => 1, < 12 => 2, _ => 3 };
        }
        else
        {
            _next %= MaxSamples;
            _exact[_next].Hits--;
            _anyPort[_next].Hits--;
        }
        (_exact[_next], _anyPort[_next]) = (exact, anyPort);
        _next++;

        if (_bestExact is null || _bestExact.Hits < exact.Hits) _bestExact = exact;
        if (_bestAnyPort is null || _bestAnyPort.Hits < anyPort.Hits) _bestAnyPort = anyPort;
        Result = _bestExact.Hits >= _threshold ? _bestExact.Address : _bestAnyPort.Hits >= _threshold ? _bestAnyPort.Address : null;
        return exact.Hits;
    }

    private Counter CountIn(Counter[] ring, UdpEndPoint address)
    {
        for (int i = 1; i <= Math.Min(Lookback, Count); i++)
        {
            var counter = ring[(_next - i + MaxSamples) % MaxSamples];
            if (counter.Address != address) continue;
            counter.Hits++;
            return counter;
        }
        return new(address);
    }

    private sealed class Counter(UdpEndPoint address)
    {
        public UdpEndPoint Address { get; } = address;

        public int Hits { get; set; } = 1;
    }
}
