using PeopleSwarm.Dht.Connect;
using PeopleSwarm.Dht.HolePunch;
using PeopleSwarm.Dht.Messages;

namespace PeopleSwarm.Dht.TestKit;

/// <summary>A client that shakes hands by itself, to test a server against.</summary>
internal sealed class TestClient
{
    private readonly IHandshake _handshake;

    public TestClient(KeyPair client, PublicKey server, NoisePayload? payload = null)
    {
        _handshake = PeerKit.Handshakes.Create(HandshakePattern.IK, HandshakeRole.Initiator, client, server, PeerKit.Namespaces.PeerHandshake);
        var plain = (payload ?? new() { Udx = new(4711), SecretStreamVersion = 1 }).Encode();
        Noise = new byte[plain.Length + _handshake.NextMessageOverhead];
        _handshake.WriteMessage(plain, Noise);
    }

    /// <summary>The first message.</summary>
    public byte[] Noise { get; }

    public byte[] Value(RoutingMode mode, UdpEndPoint? peerAddress = null, UdpEndPoint? relayAddress = null) =>
        new PeerHandshakeMessage(mode, Noise, peerAddress, relayAddress).Encode();

    /// <summary>Reads a server's answer from the value that carried it.</summary>
    public NoisePayload Read(ReadOnlySpan<byte> value) => Read(value, out _);

    /// <summary>What seals the punch rounds after the answer in <paramref name="value"/>.</summary>
    public PunchSecrets SecretsAfter(PeerContext context, ReadOnlySpan<byte> value)
    {
        Read(value, out var keys);
        using (keys) return context.PunchSecretsOf(keys);
    }

    private NoisePayload Read(ReadOnlySpan<byte> value, out HandshakeResult keys)
    {
        Assert.True(PeerHandshakeMessage.TryRead(value, out var message));
        var plain = new byte[message.Noise.Length];
        using var handshake = _handshake.Clone();
        Assert.True(handshake.TryReadMessage(message.Noise, plain, out int length));
        Assert.True(NoisePayload.TryRead(plain.AsSpan(0, length), out var payload));
        keys = handshake.GetResult();
        return payload;
    }
}
