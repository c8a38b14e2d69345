using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Dht.Rpc;

namespace PeopleSwarm.Dht.Kademlia;

public class NodeIdsTests
{
    [Fact]
    public void B1_ids_are_the_hash_of_the_address_as_in_the_vectors()
    {
        var ids = new NodeIds(TestCrypto.Suite);
        foreach (var vector in RpcVectors.Vectors("node_ids"))
        {
            var id = NodeId.Parse(vector.Text("id"));
            Assert.Equal(id, ids.Of(vector.Address()));
            Assert.Equal(id, ids.OfEncoded(vector.Bytes("input")));
        }
    }

    [Fact]
    public void A4_an_address_from_a_dual_mode_socket_has_the_same_id()
    {
        var ids = new NodeIds(TestCrypto.Suite);
        var mapped = UdpEndPoint.From(System.Net.IPAddress.Parse("::ffff:127.0.0.1"), 49737);
        Assert.Equal("d1dcf835b0d62b9230c41393cb96a34f5f8b9f814f421ca3382dfc1678022e0e", ids.Of(mapped).ToString());
    }
}
