using BenchmarkDotNet.Attributes;
using Microsoft.Extensions.Options;
using PeopleSwarm.Noise;

namespace PeopleSwarm.Benchmarks.Noise;

/// <summary>A whole handshake, both sides on one thread, between peers that met before and between strangers.</summary>
[MemoryDiagnoser]
public class HandshakeBenchmarks
{
    private readonly KeyPair _alice = KeyPair.Generate(), _bob = KeyPair.Generate();
    private readonly byte[] _message = new byte[256], _payload = new byte[256];
    private IHandshakeFactory _factory = null!, _forgetful = null!;

    [Params(HandshakePattern.IK, HandshakePattern.XX)]
    public HandshakePattern Pattern { get; set; }

    [Params(true, false)]
    public bool NativeLibrary { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _factory = new HandshakeFactory(Options.Create(new NoiseOptions { UseNativeLibrary = NativeLibrary }), new SystemRandomSource());
        _forgetful = new HandshakeFactory(Options.Create(new NoiseOptions { UseNativeLibrary = NativeLibrary, MaxKnownKeys = 0 }), new SystemRandomSource());
    }

    [Benchmark]
    public bool OfPeersThatMetBefore() => ShakeHands(_factory);

    [Benchmark]
    public bool OfStrangers() => ShakeHands(_forgetful);

    private bool ShakeHands(IHandshakeFactory factory)
    {
        using var initiator = factory.Create(Pattern, HandshakeRole.Initiator, _alice, _bob.PublicKey);
        using var responder = factory.Create(Pattern, HandshakeRole.Responder, _bob);
        for (var (writer, reader) = (initiator, responder); !initiator.IsComplete || !responder.IsComplete; (writer, reader) = (reader, writer))
        {
            int length = writer.WriteMessage(default, _message);
            if (!reader.TryReadMessage(_message.AsSpan(0, length), _payload, out _)) return false;
        }
        using HandshakeResult a = initiator.GetResult(), b = responder.GetResult();
        return a.SendKey.SequenceEqual(b.ReceiveKey);
    }
}
