using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Options;
using PeopleSwarm.Dht.Rpc;

namespace PeopleSwarm.Dht;

[OptionsValidator]
internal sealed partial class DhtOptionsValidator : IValidateOptions<DhtOptions>;

/// <summary>What attributes cannot say: texts, durations, and rules between options.</summary>
internal sealed class DhtOptionsRules : IValidateOptions<DhtOptions>
{
    private const int MaxBootstrapEntries = 64;

    public ValidateOptionsResult Validate(string? name, DhtOptions options)
    {
        ValidateOptionsResultBuilder result = new();
        if (options.Bootstrap is null) result.AddError("It must not be null.", nameof(options.Bootstrap));
        else if (options.Bootstrap.Count > MaxBootstrapEntries) result.AddError($"It must hold at most {MaxBootstrapEntries} entries.", nameof(options.Bootstrap));
        foreach (string entry in options.Bootstrap ?? [])
        {
            if (!BootstrapEntry.TryParse(entry, out _))
                result.AddError($"'{entry}' is not of the form address:port, name:port or address@name:port.", nameof(options.Bootstrap));
        }
        if (options.Nodes is null) result.AddError("It must not be null.", nameof(options.Nodes));
        foreach (var node in options.Nodes ?? [])
        {
            if (!node.IsIPv4 || node.Port == 0) result.AddError($"'{node}' is not an IPv4 address with a port.", nameof(options.Nodes));
        }
        if (options.StateFile is { } path && string.IsNullOrWhiteSpace(path)) result.AddError("It must be a path, or null.", nameof(options.StateFile));
        bool hasHost = TryParseHost(options.Host, out var host);
        if (!hasHost) result.AddError($"'{options.Host}' is not an IPv4 address.", nameof(options.Host));
        if (options.Port != 0 && options.Port + options.PortCount > 65536) result.AddError("Port and PortCount must end below 65536.", nameof(options.PortCount));
        if (!Enum.IsDefined(options.Ephemeral)) result.AddError($"{options.Ephemeral} is not a mode.", nameof(options.Ephemeral));
        if (options.MaxPingDelay < TimeSpan.Zero || options.MaxPingDelay > TimeSpan.FromMinutes(1))
            result.AddError("It must be 0 to 1 min.", nameof(options.MaxPingDelay));
        if (options.Seed is { Length: not KeyPair.SeedSize }) result.AddError($"It must be {KeyPair.SeedSize} bytes.", nameof(options.Seed));
        if (options is { Seed: not null, KeyPair: not null }) result.AddError("It must be null where KeyPair is set.", nameof(options.Seed));
        if (options.IsBootstrapper && hasHost && host.IPv4 == 0) result.AddError("A bootstrap node needs its public address.", nameof(options.Host));
        if (options is { IsBootstrapper: true, Port: 0 }) result.AddError("A bootstrap node needs a port.", nameof(options.Port));
        if (options is { IsBootstrapper: true, Ephemeral: EphemeralMode.Always })
            result.AddError("A bootstrap node is not ephemeral.", nameof(options.Ephemeral));
        return result.Build();
    }

    /// <summary>Reads an IPv4 address without a port.</summary>
    public static bool TryParseHost(string? text, out UdpEndPoint host)
    {
        host = default;
        if (!IPAddress.TryParse(text, out var address) || address.AddressFamily != AddressFamily.InterNetwork) return false;
        host = UdpEndPoint.From(address, 0);
        return true;
    }
}
