using System.Text;
using PeopleSwarm.Dht.Messages;

namespace PeopleSwarm;

/// <summary>Makes requests to extensions of the peer DHT that other nodes serve as <see cref="IDhtPlugin"/>.</summary>
public static class DhtPluginRequest
{
    /// <summary>
    /// A request for <see cref="IDhtNode.RequestAsync"/> or <see cref="IDhtNode.Query"/>; a node without that plugin and version stays silent.
    /// </summary>
    /// <param name="name">The plugin's name, at most 255 bytes of UTF-8.</param>
    /// <param name="version">Its version, not negative.</param>
    /// <param name="command">The plugin's own command, not negative.</param>
    /// <param name="target">What it is about; null for nothing.</param>
    /// <param name="value">The body; null for none.</param>
    /// <param name="token">The token the asked node gave us; null for none.</param>
    /// <exception cref="ArgumentException">The name is empty or too long.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A number is negative.</exception>
    /// <remarks>Spec: hyperdht, 3.9.</remarks>
    public static DhtRequest Create(string name, int version, int command, NodeId? target = null, ReadOnlyMemory<byte>? value = null, ReadOnlyMemory<byte>? token = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentOutOfRangeException.ThrowIfNegative(version);
        ArgumentOutOfRangeException.ThrowIfNegative(command);
        var bytes = Encoding.UTF8.GetBytes(name);
        if (bytes.Length > byte.MaxValue) throw new ArgumentException("A plugin's name is at most 255 bytes of UTF-8.", nameof(name));
        return new(PeerCommand.Plugin, target, new PluginMessage(bytes, version, command, value is not null, value is { } body ? body.Span : default).Encode(), token);
    }
}
