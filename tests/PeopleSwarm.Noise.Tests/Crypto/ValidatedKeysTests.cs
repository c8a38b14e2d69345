namespace PeopleSwarm.Noise.Crypto;

public class ValidatedKeysTests
{
    private readonly CountingAgreement _agreement = new();

    [Fact]
    public void A_key_is_validated_once_while_it_is_in_use()
    {
        var keys = new ValidatedKeys(_agreement, 4);
        for (byte i = 0; i < 100; i++)
        {
            Assert.Equal(Key(200), keys.Validate(Key(200))!.PublicKey); // used again and again, among others that are not
            keys.Validate(Key(i));
        }
        Assert.Equal(1, _agreement.Validations[Key(200)]);
    }

    [Fact]
    public void No_more_keys_are_kept_than_wanted()
    {
        var keys = new ValidatedKeys(_agreement, 10);
        for (int round = 0; round < 3; round++)
            for (byte i = 0; i < 50; i++) keys.Validate(Key(i));
        Assert.All(_agreement.Validations.Values, n => Assert.Equal(3, n));
        for (int round = 0; round < 3; round++)
            for (byte i = 100; i < 104; i++) keys.Validate(Key(i));
        Assert.Equal(1, _agreement.Validations[Key(103)]);
    }

    [Fact]
    public void A_key_that_must_not_be_used_is_refused_each_time()
    {
        var keys = new ValidatedKeys(Ed25519Agreement.Instance, 10);
        var identity = new byte[32];
        identity[0] = 1;
        for (int i = 0; i < 3; i++) Assert.Null(keys.Validate(new(identity)));
    }

    [Fact]
    public void None_are_kept_where_none_are_wanted()
    {
        var keys = new ValidatedKeys(_agreement, 0);
        for (int i = 0; i < 3; i++) Assert.NotNull(keys.Validate(Key(1)));
        Assert.Equal(3, _agreement.Validations[Key(1)]);
    }

    private static PublicKey Key(byte fill) => new(Enumerable.Repeat(fill, 32).ToArray());

    private sealed class CountingAgreement : IDiffieHellman
    {
        public Dictionary<PublicKey, int> Validations { get; } = [];

        public string Name => "counting";

        public KeyPair GenerateKeyPair(IRandomSource random) => throw new NotSupportedException();

        public IAgreementKey? Validate(PublicKey remote)
        {
            Validations[remote] = Validations.GetValueOrDefault(remote) + 1;
            return new Named(remote);
        }

        private sealed record Named(PublicKey PublicKey) : IAgreementKey
        {
            public bool TryAgree(KeyPair local, Span<byte> shared) => throw new NotSupportedException();
        }
    }
}
