using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Dht.TestKit;

namespace PeopleSwarm.Dht.Connect;

/// <summary>When a client dials the relay it was told to use.</summary>
public class ConnectRelayTests
{
    private static readonly KeyPair s_server = PeerKit.Key(2);
    private static readonly UdpEndPoint s_serverAddress = PeerKit.At("8.0.0.1:300"), s_node = PeerKit.At("7.0.0.1:200");

    private readonly FakeRelays _relays = new();
    private readonly PeerKit _kit;

    public ConnectRelayTests() => _kit = new(punches: true, relays: _relays);

    [Theory]
    [InlineData(true, false, false)]
    [InlineData(false, true, false)]
    [InlineData(false, false, true)]
    public void S14_a_peer_that_can_be_dialled_or_dials_us_needs_no_relay(bool answersItself, bool isServerOpen, bool isClientOpen)
    {
        Connect(answersItself, isServerOpen, isClientOpen);
        Assert.Empty(_relays.Pairings);
    }

    [Fact]
    public void S14_between_two_NATs_the_relay_is_asked_at_once()
    {
        Connect(answersItself: false, isServerOpen: false, isClientOpen: false);
        Assert.Single(_relays.Pairings);
    }

    private void Connect(bool answersItself, bool isServerOpen, bool isClientOpen)
    {
        if (isClientOpen) _kit.Engine.PublicEndPoint = PeerKit.At("4.4.4.4:9");
        _kit.Dht.Connect(_kit.Now, PeerKit.Key(1), s_server.PublicKey, new() { RelayThrough = PeerKit.Key(9).PublicKey, RelayAddresses = [s_node] }, (_, _) => { });
        var call = _kit.Engine.OpenOf(PeerCommand.PeerHandshake).Single();
        var answer = new NoisePayload
        {
            Udx = new(77), SecretStreamVersion = 1, Firewall = isServerOpen ? PeerFirewallState.Open : PeerFirewallState.Consistent,
            Holepunch = new(0, [new(s_node, s_serverAddress)]), Addresses4 = [s_serverAddress],
        };
        call.Answer(_kit.Now, new TestServer(s_server).Answer(call.Request, answer, answersItself ? null : s_serverAddress), to: PeerKit.At("6.0.0.1:100"));
    }
}
