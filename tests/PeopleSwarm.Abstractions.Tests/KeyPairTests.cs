namespace PeopleSwarm;

public class KeyPairTests
{
    private static readonly byte[] s_secret = [.. Enumerable.Range(1, 64).Select(i => (byte)i)];
    private static readonly PublicKey s_public = new(s_secret.AsSpan(32));

    [Fact]
    public void Dispose_zeroes_the_secret_key()
    {
        var pair = new KeyPair(s_public, s_secret);
        var borrowed = pair.SecretKey;
        Assert.True(borrowed.SequenceEqual(s_secret));
        pair.Dispose();
        Assert.False(borrowed.ContainsAnyExcept((byte)0));
        Assert.Throws<ObjectDisposedException>(() => pair.SecretKey.Length);
        Assert.Equal(s_public, pair.PublicKey);
        pair.Dispose();
    }

    [Fact]
    public void The_callers_bytes_are_copied()
    {
        byte[] secret = [.. s_secret];
        using var pair = new KeyPair(s_public, secret);
        Array.Clear(secret);
        Assert.True(pair.SecretKey.SequenceEqual(s_secret));
        Assert.True(pair.Seed.SequenceEqual(s_secret.AsSpan(0, 32)));
    }

    [Fact]
    public void A_pair_may_lack_its_secret_key()
    {
        using var pair = new KeyPair(s_public, []);
        Assert.False(pair.HasSecretKey);
        Assert.True(pair.Seed.IsEmpty);
    }

    [Fact]
    public void A_secret_key_of_another_length_or_another_public_key_is_refused()
    {
        Assert.Throws<ArgumentException>("secretKey", () => new KeyPair(s_public, s_secret.AsSpan(1)));
        Assert.Throws<ArgumentException>("secretKey", () => new KeyPair(new PublicKey(new byte[32]), s_secret));
    }

    [Fact]
    public void Text_shows_the_public_key_alone()
    {
        using var pair = new KeyPair(s_public, s_secret);
        Assert.Equal(s_public.ToString(), pair.ToString());
    }
}
