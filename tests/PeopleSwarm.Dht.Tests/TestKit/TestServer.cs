using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Dht.Rpc;

namespace PeopleSwarm.Dht.TestKit;

/// <summary>A server that answers handshakes by itself, to test a client against.</summary>
internal sealed class TestServer(KeyPair keyPair)
{
    /// <summary>What the client last said.</summary>
    public NoisePayload? Client { get; private set; }

    /// <summary>The keys after the last answer.</summary>
    public HandshakeResult? Keys { get; private set; }

    /// <summary>The value of an answer to a client's request; with an address of ours it was relayed.</summary>
    public byte[] Answer(in RpcCallRequest request, NoisePayload payload, UdpEndPoint? serverAddress)
    {
        Assert.True(PeerHandshakeMessage.TryRead(request.Value!.Value.Span, out var message));
        using var handshake = PeerKit.Handshakes.Create(HandshakePattern.IK, HandshakeRole.Responder, keyPair, prologue: PeerKit.Namespaces.PeerHandshake);
        var plain = new byte[message.Noise.Length];
        Assert.True(handshake.TryReadMessage(message.Noise, plain, out int length));
        Assert.True(NoisePayload.TryRead(plain.AsSpan(0, length), out var client));
        Client = client;
        var encoded = payload.Encode();
        if (payload.Version != NoisePayload.CurrentVersion) encoded[0] = (byte)payload.Version;
        var noise = new byte[encoded.Length + handshake.NextMessageOverhead];
        handshake.WriteMessage(encoded, noise);
        Keys = handshake.GetResult();
        return new PeerHandshakeMessage(RoutingMode.Reply, noise, serverAddress).Encode();
    }
}
