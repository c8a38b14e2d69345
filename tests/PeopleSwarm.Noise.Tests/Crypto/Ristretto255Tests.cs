using PeopleSwarm.Noise.Crypto;

namespace PeopleSwarm.Noise;

/// <summary>RFC 9496, appendix A.1: the first multiples of the base point.</summary>
public class Ristretto255Tests
{
    private static readonly PublicKey s_base = PublicKey.Parse("5866666666666666666666666666666666666666666666666666666666666666");

    private readonly Ristretto255 _encodings = new();

    [Theory]
    [InlineData(1, "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76")]
    [InlineData(2, "6a493210f7499cd17fecb510ae0cea23a110e8d5b901f8acadd3095c73a3b919")]
    [InlineData(3, "94741f5d5d52755ece4f23f044ee27d5d1ea1e2bd196b462166b16152a9d0259")]
    [InlineData(4, "da80862773358b466ffadfe0b3293ab3d9fd53c5ea6c955358f568322daf6a57")]
    [InlineData(5, "e882b131016b52c1d3337080187cf768423efccbb517bb495ab812c4160ff44e")]
    [InlineData(6, "f64746d3c92b13050ed8d80236a7f0007c3b3f962f5ba793d19a601ebb1df403")]
    public void Encodes_and_decodes_multiples_of_the_base_point(int multiple, string hex)
    {
        byte[] element = new byte[Ristretto255.Size], decoded = new byte[PublicKey.Size];
        _encodings.Encode(Multiple(multiple), element);
        Assert.Equal(hex, Convert.ToHexStringLower(element));
        Assert.True(_encodings.TryDecode(element, decoded));
        Assert.Equal(Multiple(multiple * Ristretto255.Cofactor), decoded);
    }

    [Fact]
    public void Decodes_the_element_zero_as_the_identity()
    {
        byte[] decoded = new byte[PublicKey.Size];
        Assert.False(_encodings.TryDecode(new byte[Ristretto255.Size], decoded));
        Assert.Equal([1, .. new byte[31]], decoded);
    }

    private static byte[] Multiple(int factor)
    {
        byte[] product = new byte[PublicKey.Size];
        Assert.True(ManagedEdwards25519.Instance.PointOf(s_base).TryMultiply([(byte)factor, .. new byte[31]], product));
        return product;
    }
}
