using BenchmarkDotNet.Attributes;
using PeopleSwarm.Noise.Crypto;

namespace PeopleSwarm.Benchmarks.Noise;

/// <summary>What handshakes and announcements are made of, by libsodium and by managed code.</summary>
[MemoryDiagnoser]
public class Ed25519Benchmarks
{
    private readonly KeyPair _alice = KeyPair.Generate(), _bob = KeyPair.Generate();
    private readonly byte[] _message = new byte[64], _signature = new byte[64], _shared = new byte[32], _publicKey = new byte[32];
    private IEdwards25519 _curve = null!;
    private Ed25519Agreement _agreement = null!;

    [Params(true, false)]
    public bool NativeLibrary { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _curve = IEdwards25519.Of(new(platform: true, NativeLibrary));
        _agreement = new(_curve);
        _bob.PublicKey.CopyTo(_publicKey);
        _curve.Sign(_bob.SecretKey, _message, _signature);
    }

    [Benchmark]
    public void CreateKeyPair() => _agreement.CreateKeyPair(_alice.Seed).Dispose();

    [Benchmark]
    public bool Validate() => _curve.PointOf(_bob.PublicKey).IsValid;

    /// <summary>With a key never seen before.</summary>
    [Benchmark]
    public bool Agree() => _agreement.Import(_bob.PublicKey).TryAgree(_alice, _shared);

    [Benchmark]
    public void Sign() => _curve.Sign(_bob.SecretKey, _message, _signature);

    [Benchmark]
    public bool Verify() => _curve.Verify(_publicKey, _message, _signature);
}
