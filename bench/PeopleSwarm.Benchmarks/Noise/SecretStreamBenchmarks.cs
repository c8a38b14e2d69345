using System.IO.Pipelines;
using BenchmarkDotNet.Attributes;
using Microsoft.Extensions.Options;
using PeopleSwarm.Noise.Crypto;
using PeopleSwarm.Noise.SecretStream;

namespace PeopleSwarm.Benchmarks.Noise;

/// <summary>One message from a writer to a reader through two channels in memory; expected to allocate nothing by default.</summary>
[MemoryDiagnoser]
public class SecretStreamBenchmarks
{
    private readonly byte[] _hash = new byte[64], _key = new byte[32];
    private ISecretChannel _sender = null!, _receiver = null!;
    private StreamCipher _push = null!, _pull = null!;
    private byte[] _data = null!, _block = null!;
    private readonly byte[] _mac = new byte[StreamCipher.MacSize];

    [Params(1, 64, 100, 1000, 1001, 16 * 1024, 65_535)]
    public int Size { get; set; }

    /// <summary>Whose code: the platform's and libsodium's, the platform's and managed, managed alone.</summary>
    [Params("default", "platform", "managed")]
    public string Code { get; set; } = "default";

    [GlobalSetup]
    public void Setup()
    {
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 0, useSynchronizationContext: false));
        NoiseOptions settings = new() { UsePlatformCipher = Code != "managed", UseNativeLibrary = Code == "default" };
        var options = Options.Create(settings);
        var factory = new SecretChannelFactory(options, new SystemRandomSource(), TimeProvider.System, new(options));
        PublicKey none = new(_key);
        _sender = factory.Open(new Transport(new Pipe().Reader, pipe.Writer), new(HandshakeRole.Initiator, none, none, _hash, _key, _key));
        _receiver = factory.Open(new Transport(pipe.Reader, new Pipe().Writer), new(HandshakeRole.Responder, none, none, _hash, _key, _key));
        byte[] header = new byte[StreamCipher.HeaderSize];
        (_push, _pull) = (new(_key, header, CryptoLibraries.Of(settings)), new(_key, header, CryptoLibraries.Of(settings)));
        (_data, _block) = (new byte[Size], new byte[StreamCipher.TagBlock + Size]);
    }

    [Benchmark(Baseline = true)]
    public bool SealAndOpen()
    {
        _push.Seal(StreamTag.Message, _block, _mac);
        return _pull.TryOpen(_block, _mac, out _);
    }

    [Benchmark]
    public async ValueTask<long> ThroughPipes()
    {
        await _sender.Output.WriteAsync(_data);
        var result = await _receiver.Input.ReadAsync();
        _receiver.Input.AdvanceTo(result.Buffer.End);
        return result.Buffer.Length;
    }

    [Benchmark]
    public async ValueTask<int> AsMessages()
    {
        await _sender.WriteMessageAsync(_data);
        return (await _receiver.ReadMessageAsync())!.Value.Length;
    }

    private sealed record Transport(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
