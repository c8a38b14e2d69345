using System.Diagnostics.Metrics;
using Microsoft.Extensions.Options;
using PeopleSwarm.Noise.Crypto;

namespace PeopleSwarm.Noise;

/// <summary>The instruments of the meter <c>PeopleSwarm.Noise</c>.</summary>
internal sealed class NoiseMetrics : IDisposable
{
    private readonly Meter _meter;
    private readonly Counter<long> _handshakes, _broken, _unorderedDropped, _bytesRead, _bytesWritten;
    private readonly UpDownCounter<long> _channels;

    public NoiseMetrics(IOptions<NoiseOptions> options, IMeterFactory? meterFactory = null)
    {
        const string name = "PeopleSwarm.Noise";
        _meter = meterFactory?.Create(name) ?? new(name);
        _handshakes = _meter.CreateCounter<long>("peopleswarm.noise.handshakes", "{handshake}", "Handshakes over a byte stream, by outcome.");
        _channels = _meter.CreateUpDownCounter<long>("peopleswarm.noise.channels", "{channel}", "Secret channels not disposed.");
        _broken = _meter.CreateCounter<long>("peopleswarm.noise.channels.broken", "{channel}", "Secret channels that broke, by cause.");
        _unorderedDropped = _meter.CreateCounter<long>("peopleswarm.noise.unordered.dropped", "{message}", "Unordered messages that were not the peer's.");
        _bytesRead = _meter.CreateCounter<long>("peopleswarm.noise.bytes.read", "By", "Message bodies received by channels that were disposed.");
        string library = IEdwards25519.Of(CryptoLibraries.Of(options.Value)).Library;
        _meter.CreateObservableGauge("peopleswarm.noise.library", () => new Measurement<int>(1, new KeyValuePair<string, object?>("name", library)),
            description: "1 for the library that computes Ed25519, by name.");
        _bytesWritten = _meter.CreateCounter<long>("peopleswarm.noise.bytes.written", "By", "Message frames written by channels that were disposed.");
    }

    public void HandshakeDone(bool succeeded) => _handshakes.Add(1, new KeyValuePair<string, object?>("outcome", succeeded ? "done" : "failed"));

    public void ChannelOpened() => _channels.Add(1);

    public void ChannelClosed(long bytesRead, long bytesWritten)
    {
        _channels.Add(-1);
        _bytesRead.Add(bytesRead);
        _bytesWritten.Add(bytesWritten);
    }

    public void ChannelBroken(SecretChannelError? error) =>
        _broken.Add(1, new KeyValuePair<string, object?>("cause", error?.ToString() ?? "Transport"));

    public void UnorderedDropped() => _unorderedDropped.Add(1);

    public void Dispose() => _meter.Dispose();
}
