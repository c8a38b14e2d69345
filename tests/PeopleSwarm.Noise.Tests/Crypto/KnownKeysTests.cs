namespace PeopleSwarm.Noise.Crypto;

public class KnownKeysTests
{
    private readonly CountingAgreement _agreement = new();
    private readonly byte[] _shared = new byte[32];

    [Fact]
    public void A_key_is_kept_while_it_is_in_use()
    {
        var keys = new KnownKeys(_agreement, 4);
        var known = keys.Get(Key(200));
        for (byte i = 0; i < 100; i++)
        {
            Assert.Same(known, keys.Get(Key(200))); // used again and again, among others that are not
            keys.Get(Key(i));
        }
        Assert.Equal(1, _agreement.Imports[Key(200)]);
    }

    [Fact]
    public void No_more_keys_are_kept_than_wanted()
    {
        var keys = new KnownKeys(_agreement, 10);
        for (int round = 0; round < 3; round++)
            for (byte i = 0; i < 50; i++) keys.Get(Key(i));
        Assert.All(_agreement.Imports.Values, n => Assert.Equal(3, n));
        for (int round = 0; round < 3; round++)
            for (byte i = 100; i < 104; i++) keys.Get(Key(i));
        Assert.Equal(1, _agreement.Imports[Key(103)]);
    }

    [Fact]
    public void A_key_that_must_not_be_used_is_refused_each_time()
    {
        var keys = new KnownKeys(new Ed25519Agreement(ManagedEdwards25519.Instance), 10);
        using var local = KeyPair.Generate();
        var identity = new byte[32];
        identity[0] = 1;
        for (int i = 0; i < 3; i++)
        {
            Assert.False(keys.Get(new(identity)).Key.IsValid);
            Assert.False(keys.Get(new(identity)).TryAgreeAgain(local, _shared));
        }
    }

    [Fact]
    public void None_are_kept_where_none_are_wanted()
    {
        var keys = new KnownKeys(_agreement, 0);
        using var local = KeyPair.Generate();
        for (int i = 0; i < 3; i++) Assert.True(keys.Get(Key(1)).TryAgreeAgain(local, _shared));
        Assert.Equal((3, 3), (_agreement.Imports[Key(1)], _agreement.Agreements));
    }

    [Fact]
    public void A_secret_is_computed_once_for_the_same_key_pair()
    {
        var known = new KnownKeys(_agreement, 10).Get(Key(1));
        using KeyPair one = KeyPair.Generate(), two = KeyPair.Generate();
        foreach (var (local, agreements) in (ReadOnlySpan<(KeyPair, int)>)[(one, 1), (one, 1), (two, 2), (two, 2), (one, 3)])
        {
            _shared.AsSpan().Clear();
            Assert.True(known.TryAgreeAgain(local, _shared));
            Assert.Equal(local.PublicKey.ToArray(), _shared);
            Assert.Equal(agreements, _agreement.Agreements);
        }
    }

    [Fact]
    public void A_key_pair_that_was_disposed_shares_nothing_any_more()
    {
        var known = new KnownKeys(_agreement, 10).Get(Key(1));
        var local = KeyPair.Generate();
        Assert.True(known.TryAgreeAgain(local, _shared));
        local.Dispose();
        Assert.Throws<ObjectDisposedException>(() => known.TryAgreeAgain(local, new byte[32]));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_secret_is_zeroed_when_its_key_goes(bool byDispose)
    {
        var keys = new KnownKeys(_agreement, 4);
        var known = keys.Get(Key(200));
        using var local = KeyPair.Generate();
        Assert.True(known.TryAgreeAgain(local, _shared));
        Assert.Equal(local.PublicKey.ToArray(), known.Secret.ToArray());
        if (byDispose) keys.Dispose();
        else for (byte i = 0; i < 4; i++) keys.Get(Key(i));
        Assert.Equal(new byte[32], known.Secret.ToArray());

        Assert.True(known.TryAgreeAgain(local, _shared)); // a handshake under way goes on
        Assert.Equal(local.PublicKey.ToArray(), _shared);
        Assert.Equal(new byte[32], known.Secret.ToArray());
    }

    private static PublicKey Key(byte fill) => new(Enumerable.Repeat(fill, 32).ToArray());

    private sealed class CountingAgreement : IDiffieHellman
    {
        public Dictionary<PublicKey, int> Imports { get; } = [];

        public int Agreements { get; private set; }

        public string Name => "counting";

        public KeyPair GenerateKeyPair(IRandomSource random) => throw new NotSupportedException();

        public IAgreementKey Import(PublicKey remote)
        {
            Imports[remote] = Imports.GetValueOrDefault(remote) + 1;
            return new OurKey(this);
        }

        /// <summary>The secret is our own public key.</summary>
        private sealed class OurKey(CountingAgreement agreement) : IAgreementKey
        {
            public bool IsValid => true;

            public bool TryAgree(KeyPair local, Span<byte> shared)
            {
                agreement.Agreements++;
                local.PublicKey.CopyTo(shared);
                return true;
            }
        }
    }
}
