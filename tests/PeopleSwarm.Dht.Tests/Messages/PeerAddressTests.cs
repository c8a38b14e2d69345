namespace PeopleSwarm.Dht.Messages;

public class PeerAddressTests
{
    public static TheoryData<string, string[], string> Vectors
    {
        get
        {
            var data = new TheoryData<string, string[], string>();
            foreach (var vector in PeerVectors.Vectors("dht_address"))
            {
                var nodes = vector.GetProperty("nodes");
                string[] addresses = nodes.ValueKind == System.Text.Json.JsonValueKind.Array
                    ? [.. nodes.EnumerateArray().Select(n => $"{n.GetProperty("host").GetString()}:{n.GetProperty("port").GetInt32()}")] : [];
                data.Add(vector.GetProperty("key").GetString()!, addresses, vector.GetProperty("hex").GetString()!);
            }
            return data;
        }
    }

    [Theory, MemberData(nameof(Vectors))]
    public void Vectors_are_read_and_written(string key, string[] nodes, string hex)
    {
        var bytes = Convert.FromHexString(hex);
        Assert.True(PeerAddress.TryDecode(bytes, out var address));
        Assert.Equal(PublicKey.Parse(key), address!.PublicKey);
        Assert.Equal(nodes, address.Nodes.Select(n => n.ToString()));
        Assert.True(PeerAddress.TryDecode(address.Encode(), out var again));
        Assert.Equal((address.PublicKey, nodes.Length), (again!.PublicKey, again.Nodes.Count));
        if (nodes.Length != 0) Assert.Equal(bytes, address.Encode());
        Assert.Equal(address.Nodes, address.ToConnectOptions().RelayAddresses);
    }

    [Fact]
    public void Keys_are_read_as_z_base_32_and_from_links()
    {
        foreach (var vector in PeerVectors.Vectors("key_pairs"))
        {
            var (key, text) = (PublicKey.Parse(vector.Text("publicKey")), vector.Text("z32"));
            Assert.Equal(text, key.ToZBase32());
            foreach (string form in new[] { text, $"pear://{text}", $"pear://{text}/a/b", $"pear://{key}" }) Assert.Equal(key, PublicKey.Parse(form));
            foreach (string wrong in new[] { text[..51], text + "y", text.ToUpperInvariant(), text[..51] + "b", $"pear:/{text}", $"{text}/a", "pear://", "" })
                Assert.False(PublicKey.TryParse(wrong, out _), wrong);
        }
    }

    [Fact]
    public void A_key_alone_is_an_address_and_what_is_cut_short_is_none()
    {
        var bytes = new PeerAddress(new(Enumerable.Repeat((byte)7, 32).ToArray()), [UdpEndPoint.Loopback(1), UdpEndPoint.Loopback(2)]).Encode();
        Assert.True(PeerAddress.TryDecode(bytes.AsSpan(0, 32), out var key));
        Assert.Empty(key!.Nodes);
        foreach (int length in Enumerable.Range(0, bytes.Length).Where(n => n != 32)) Assert.False(PeerAddress.TryDecode(bytes.AsSpan(0, length), out _));
        Assert.Throws<InvalidOperationException>(() => new PeerAddress(key.PublicKey, [UdpEndPoint.Parse("[::1]:1")]).Encode());
    }
}
