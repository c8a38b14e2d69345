namespace PeopleSwarm.Testing;

/// <summary>Where a host or NAT meets a network.</summary>
internal sealed class Attachment(UdpEndPoint address, Realm realm, Action<Packet> arrive)
{
    public UdpEndPoint Address { get; } = address.WithPort(0);
    public Realm Realm { get; } = realm;
    public bool IsUp { get; set; } = true;

    /// <summary>The computer it belongs to; null for a NAT.</summary>
    public SimulatedHost? Host { get; init; }

    /// <summary>Shared by everything that leaves or arrives here; null where only the way between two places counts.</summary>
    public Link? Uplink { get; set; }

    public Link? Downlink { get; set; }

    public void Arrive(Packet packet) => arrive(packet);
}

/// <summary>One address space: the public internet, or what is behind a NAT.</summary>
internal sealed class Realm(LinkOptions link, int hops)
{
    private readonly Dictionary<UdpEndPoint, Attachment> _attachments = [];

    public LinkOptions Link { get; set; } = link;

    /// <summary>Routers between any two places.</summary>
    public int Hops { get; set; } = hops;

    /// <summary>Where packets for addresses of elsewhere go; null on the public internet.</summary>
    public Attachment? Gateway { get; set; }

    public void Add(Attachment attachment)
    {
        if (!_attachments.TryAdd(attachment.Address, attachment))
            throw new ArgumentException($"The address {attachment.Address.HostText} is taken.", nameof(attachment));
    }

    public void Remove(Attachment attachment) => _attachments.Remove(attachment.Address);

    public Attachment? Find(in UdpEndPoint to) => _attachments.GetValueOrDefault(to.WithPort(0));
}
