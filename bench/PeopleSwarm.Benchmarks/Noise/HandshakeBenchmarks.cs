using BenchmarkDotNet.Attributes;
using Microsoft.Extensions.Options;
using PeopleSwarm.Noise;
using PeopleSwarm.Noise.Crypto;

namespace PeopleSwarm.Benchmarks.Noise;

/// <summary>A whole handshake, both sides on one thread, and what it is made of.</summary>
[MemoryDiagnoser]
public class HandshakeBenchmarks
{
    private readonly HandshakeFactory _factory = new(Options.Create(new NoiseOptions()), new SystemRandomSource());
    private readonly KeyPair _alice = KeyPair.Generate(), _bob = KeyPair.Generate();
    private readonly byte[] _message = new byte[256], _payload = new byte[256], _shared = new byte[32];
    private IAgreementKey _key = null!;

    [Params(HandshakePattern.IK, HandshakePattern.XX)]
    public HandshakePattern Pattern { get; set; }

    [GlobalSetup]
    public void Setup() => _key = Ed25519Agreement.Instance.Validate(_bob.PublicKey)!;

    [Benchmark]
    public bool BothSides()
    {
        using var initiator = _factory.Create(Pattern, HandshakeRole.Initiator, _alice, _bob.PublicKey);
        using var responder = _factory.Create(Pattern, HandshakeRole.Responder, _bob);
        for (var (writer, reader) = (initiator, responder); !initiator.IsComplete || !responder.IsComplete; (writer, reader) = (reader, writer))
        {
            int length = writer.WriteMessage(default, _message);
            if (!reader.TryReadMessage(_message.AsSpan(0, length), _payload, out _)) return false;
        }
        using HandshakeResult a = initiator.GetResult(), b = responder.GetResult();
        return a.SendKey.SequenceEqual(b.ReceiveKey);
    }

    [Benchmark]
    public bool ValidateKey() => Ed25519Agreement.Instance.Validate(_bob.PublicKey) is not null;

    [Benchmark]
    public bool Agree() => _key.TryAgree(_alice, _shared);

    [Benchmark]
    public void GenerateKeyPair() => KeyPair.Generate().Dispose();
}
