using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Testing;

namespace PeopleSwarm.Dht.Rpc;

public class TokenIssuerTests
{
    private static readonly UdpEndPoint s_host = UdpEndPoint.Parse("127.0.0.1:4000"), s_otherHost = UdpEndPoint.Parse("88.99.3.86:1");

    [Fact]
    public void B6_tokens_follow_the_vectors_through_rotations()
    {
        var vectors = RpcVectors.Vectors("tokens").ToArray();
        var tokens = new TokenIssuer(TestCrypto.Suite, new SeededRandom(1), default, vectors[0].Bytes("secret0"), vectors[0].Bytes("secret1"));
        foreach (var vector in vectors)
        {
            var now = new Timestamp(vector.Int("rotation") * 7_500_000L);
            Assert.Equal(vector.Text("issued_token_127_0_0_1"), Issue(tokens, now, s_host));
            Assert.Equal(vector.Text("issued_token_88_99_3_86"), Issue(tokens, now, s_otherHost));
            Assert.True(tokens.Verify(now, s_host, vector.Bytes("issued_token_127_0_0_1")));
            Assert.True(tokens.Verify(now, s_host, vector.Bytes("also_accepted_127_0_0_1")));
            Assert.False(tokens.Verify(now, s_otherHost, vector.Bytes("issued_token_127_0_0_1")));
        }
    }

    [Fact]
    public void B6_a_token_is_good_on_any_port_for_7_s_and_gone_after_16_s()
    {
        var tokens = new TokenIssuer(TestCrypto.Suite, new SeededRandom(1));
        var token = Convert.FromHexString(Issue(tokens, default, s_host));
        Assert.True(tokens.Verify(new(7_000_000), s_host.WithPort(9), token));
        Assert.True(tokens.Verify(new(14_900_000), s_host, token));
        Assert.False(tokens.Verify(new(16_000_000), s_host, token));
    }

    [Fact]
    public void Secrets_left_alone_for_long_are_new_ones()
    {
        var tokens = new TokenIssuer(TestCrypto.Suite, new SeededRandom(1));
        var token = Convert.FromHexString(Issue(tokens, default, s_host));
        var later = new Timestamp(3_600_000_000);
        Assert.False(tokens.Verify(later, s_host, token));
        Assert.True(tokens.Verify(later, s_host, Convert.FromHexString(Issue(tokens, later, s_host))));
    }

    private static string Issue(TokenIssuer tokens, Timestamp now, UdpEndPoint address)
    {
        var token = new byte[32];
        tokens.Issue(now, address, token);
        return Convert.ToHexStringLower(token);
    }
}
