using System.Net;
using PeopleSwarm.Dht.Messages;

namespace PeopleSwarm.Dht.Connect;

public class AddressRangesTests
{
    [Fact]
    public void Kinds_are_those_of_the_vectors()
    {
        foreach (var vector in PeerVectors.Vectors("bogon"))
        {
            var address = Address(vector.Text("ip"));
            Assert.Equal(vector.GetProperty("private").GetBoolean(), AddressRanges.IsPrivate(address));
            Assert.Equal(vector.GetProperty("reserved").GetBoolean(), AddressRanges.IsReserved(address));
            Assert.Equal(vector.GetProperty("bogon").GetBoolean(), AddressRanges.IsBogon(address));
        }
    }

    [Fact]
    public void Matches_are_those_of_the_vectors()
    {
        foreach (var vector in PeerVectors.Vectors("match_address"))
        {
            var own = vector.GetProperty("local").EnumerateArray().Select(a => Address(a.GetString()!)).ToArray();
            var remote = vector.GetProperty("remote").EnumerateArray().Select(a => Address(a.GetString()!)).ToArray();
            Assert.Equal(vector.GetProperty("result").GetString(), AddressRanges.Match(own, remote)?.HostText);
        }
    }

    private static UdpEndPoint Address(string text) => UdpEndPoint.From(IPAddress.Parse(text), 1);
}
