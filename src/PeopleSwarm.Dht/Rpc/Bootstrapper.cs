namespace PeopleSwarm.Dht.Rpc;

/// <summary>Turns bootstrap entries into addresses: an address is tried before its name is looked up (spec dht-rpc, 15.1).</summary>
internal sealed class Bootstrapper(IReadOnlyList<BootstrapEntry> entries, RequestTable requests)
{
    private static readonly TimeSpan s_memory = TimeSpan.FromSeconds(30); // spares a ping and a look-up for every query of a small network

    private readonly Source[] _sources = [.. entries.Select(entry => new Source(entry))];

    /// <summary>Asks for the IPv4 address of a name; <see cref="OnNameResolved"/> brings it. Null: names are not looked up.</summary>
    public Action<Timestamp, string>? ResolveName { get; set; }

    public int Count => _sources.Length;

    /// <summary>Calls <paramref name="found"/> for each entry that leads to an address, perhaps inline, and then <paramref name="done"/>.</summary>
    public void Resolve(Timestamp now, Action<Timestamp, UdpEndPoint> found, Action<Timestamp> done)
    {
        int left = 1;
        foreach (var source in _sources)
        {
            if (source.Entry.Name is null || now < source.KnownUntil)
            {
                if (source.Address is { } address) found(now, address);
                continue;
            }
            left++;
            source.Waiters.Add((at, address) =>
            {
                if (address is { } resolved) found(at, resolved);
                if (--left == 0) done(at);
            });
            if (source.Waiters.Count == 1) Begin(now, source);
        }
        if (--left == 0) done(now);
    }

    /// <summary>A look-up ended; null if the name has no IPv4 address.</summary>
    public void OnNameResolved(Timestamp now, string name, UdpEndPoint? address)
    {
        foreach (var source in _sources)
        {
            if (source.IsLookedUp && source.Entry.Name == name) End(now, source, address?.WithPort(source.Entry.Port));
        }
    }

    /// <summary>The network may be another one.</summary>
    public void Forget()
    {
        foreach (var source in _sources) source.KnownUntil = default;
    }

    private void Begin(Timestamp now, Source source)
    {
        if (source.Entry.Address is not { } suggested)
        {
            LookUp(now, source);
            return;
        }
        requests.Send(now, new(suggested, RpcCommands.Ping, IsInternal: true), (at, outcome) =>
        {
            if (outcome.Response is not null) End(at, source, suggested);
            else if (outcome.Failure == RpcFailure.TimedOut) LookUp(at, source);
            else End(at, source, null);
        });
    }

    private void LookUp(Timestamp now, Source source)
    {
        if (ResolveName is not { } resolve)
        {
            End(now, source, null);
            return;
        }
        source.IsLookedUp = true;
        resolve(now, source.Entry.Name!);
    }

    private static void End(Timestamp now, Source source, UdpEndPoint? address)
    {
        source.IsLookedUp = false;
        source.Address = address;
        source.KnownUntil = now + s_memory;
        var waiters = source.Waiters.ToArray();
        source.Waiters.Clear();
        foreach (var waiter in waiters) waiter(now, address);
    }

    private sealed class Source(BootstrapEntry entry)
    {
        public BootstrapEntry Entry { get; } = entry;

        public UdpEndPoint? Address { get; set; } = entry.Name is null ? entry.Address : null;

        public Timestamp KnownUntil { get; set; }

        public bool IsLookedUp { get; set; }

        public List<Action<Timestamp, UdpEndPoint?>> Waiters { get; } = [];
    }
}
