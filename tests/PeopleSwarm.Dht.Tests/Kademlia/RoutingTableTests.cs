using CsCheck;
using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Testing;

namespace PeopleSwarm.Dht.Kademlia;

public class RoutingTableTests
{
    [Fact]
    public void Rows_and_members_are_those_of_the_vectors()
    {
        var section = RpcVectors.Section("routing_table");
        var table = new RoutingTable(NodeId.Parse(section.Text("local_id")));
        foreach (var insert in section.GetProperty("inserts").EnumerateArray())
        {
            var node = new KnownNode(NodeId.Parse(insert.Text("id")), insert.GetProperty("addr").Address());
            Assert.Equal(insert.Int("row"), table.RowOf(node.Id));
            Assert.Equal(insert.GetProperty("inserted").GetBoolean(), table.TryAdd(node));
        }
        foreach (var closest in section.GetProperty("closest").EnumerateArray())
        {
            var target = NodeId.Parse(closest.Text("target"));
            var found = Closest(table, target, KBucket.Size);
            // D4: the reference cuts rows from their sorted start; ours are the true closest, so none of its nodes may be closer than our last.
            var last = found[^1].Id;
            foreach (var address in closest.GetProperty("k20").EnumerateArray().Select(a => a.Address()))
            {
                var node = table.All().Single(n => n.EndPoint == address);
                Assert.True(found.Contains(node) || node.Id.CompareDistance(last, target) > 0);
            }
        }
    }

    [Fact]
    public void A_full_row_refuses_as_in_the_vectors()
    {
        var table = new RoutingTable(default);
        foreach (string line in RpcVectors.Section("routing_table_full_row").GetProperty("events").EnumerateArray().Select(e => e.GetString()!))
        {
            var words = line.Split(' ');
            if (words[0] != "add") continue;
            Assert.Equal(bool.Parse(words[2]), table.TryAdd(Node(words[1])));
        }
        Assert.Equal(KBucket.Size, table.Count);
    }

    [Fact]
    public void D1_adding_a_known_id_to_a_full_row_replaces_it()
    {
        var table = new RoutingTable(default);
        for (int i = 0; i < KBucket.Size; i++) Assert.True(table.TryAdd(Node($"{0x80 + i:x2}")));
        var again = Node("85");
        Assert.True(table.TryAdd(again));
        Assert.Same(again, table.Find(again.Id));
        Assert.Equal(KBucket.Size, table.Count);
    }

    [Fact]
    public void Our_own_id_falls_in_the_last_row()
    {
        var table = new RoutingTable(Node("42").Id);
        Assert.Equal(255, table.RowOf(table.Id));
    }

    [Fact]
    public void Closest_gives_the_true_closest_in_order() =>
        Gen.Select(Gen.Byte.Array[32].Array[0, 400], Gen.Byte.Array[32], Gen.Int[0, 3], Gen.Int[1, 20]).Sample((ids, targetBytes, shared, k) =>
        {
            var table = new RoutingTable(new(new byte[32]));
            foreach (var bytes in ids)
            {
                for (int i = 0; i < shared && bytes[31] % 2 == 0; i++) bytes[i] = 0; // some deep rows
                table.TryAdd(new(new(bytes), UdpEndPoint.AnyIPv4));
            }
            var target = new NodeId(targetBytes);
            var expected = table.All().OrderBy(n => n.Id, Comparer<NodeId>.Create((a, b) => a.CompareDistance(b, target))).Take(k);
            return Closest(table, target, k).SequenceEqual(expected);
        }, iter: 300);

    [Fact]
    public void Random_reaches_every_node()
    {
        var table = new RoutingTable(default);
        for (int i = 1; i < 30; i++) table.TryAdd(Node($"{i * 8:x2}"));
        var random = new SeededRandom(1);
        var drawn = Enumerable.Range(0, 2000).Select(_ => table.Random(random)).ToHashSet();
        Assert.Equal(table.Count, drawn.Count);
        Assert.DoesNotContain(null, drawn);
        Assert.Null(new RoutingTable(default).Random(random));
    }

    [Fact]
    public void Removed_nodes_are_gone()
    {
        var table = new RoutingTable(default);
        table.TryAdd(Node("80"));
        Assert.True(table.Remove(Node("80").Id));
        Assert.False(table.Remove(Node("80").Id));
        Assert.False(table.Remove(Node("01").Id));
        Assert.Equal(0, table.Count);
    }

    private static KnownNode Node(string prefix) => new(NodeId.Parse(prefix.PadRight(64, '0')), UdpEndPoint.AnyIPv4);

    private static KnownNode[] Closest(RoutingTable table, NodeId target, int k)
    {
        var nodes = new KnownNode[k];
        return nodes[..table.Closest(target, nodes)];
    }
}
