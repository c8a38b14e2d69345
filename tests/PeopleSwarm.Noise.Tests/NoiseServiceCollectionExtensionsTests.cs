using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Moq;

namespace PeopleSwarm.Noise;

public class NoiseServiceCollectionExtensionsTests
{
    [Fact]
    public async Task Gives_a_working_layer()
    {
        await using var services = new ServiceCollection().AddNoise().BuildServiceProvider();
        var handshakes = services.GetRequiredService<IHandshakeFactory>();
        var channels = services.GetRequiredService<ISecretChannelFactory>();
        using KeyPair alice = services.GetRequiredService<ICryptoSuite>().CreateKeyPair(new byte[32]), bob = KeyPair.Generate();
        var (near, far) = MemoryTransport.Pair();
        var accepting = channels.ConnectAsync(far, handshakes.Create(HandshakePattern.XX, HandshakeRole.Responder, bob));
        await using var a = await channels.ConnectAsync(near, handshakes.Create(HandshakePattern.XX, HandshakeRole.Initiator, alice));
        await using var b = await accepting;
        await a.WriteMessageAsync(new byte[5]);
        Assert.Equal(5, (await b.ReadMessageAsync())!.Value.Length);
    }

    [Fact]
    public void Keeps_what_was_registered_first()
    {
        var suite = Mock.Of<ICryptoSuite>();
        using var services = new ServiceCollection().AddSingleton(suite).AddNoise().AddNoise().BuildServiceProvider();
        Assert.Same(suite, services.GetRequiredService<ICryptoSuite>());
        Assert.Single(services.GetServices<ISecretChannelFactory>());
    }

    [Fact]
    public void Refuses_options_out_of_range()
    {
        foreach (Action<NoiseOptions> configure in (Action<NoiseOptions>[])
            [o => o.FramePayload = 1025, o => o.FramePayload = 512, o => o.FramePayload = 70_000, o => o.HandshakeTimeout = TimeSpan.Zero, o => o.HandshakeTimeout = TimeSpan.FromHours(1)])
        {
            using var services = new ServiceCollection().AddNoise(configure).BuildServiceProvider();
            Assert.Throws<OptionsValidationException>(services.GetRequiredService<ISecretChannelFactory>);
        }
    }

    [Theory]
    [InlineData(true, "libsodium")]
    [InlineData(false, "BouncyCastle")]
    public void Tells_which_library_computes(bool useNativeLibrary, string library)
    {
        var meter = new Meter("PeopleSwarm.Noise");
        var factory = Mock.Of<IMeterFactory>(f => f.Create(It.IsAny<MeterOptions>()) == meter);
        using var services = new ServiceCollection().AddSingleton(factory).AddNoise(o => o.UseNativeLibrary = useNativeLibrary).BuildServiceProvider();
        _ = services.GetRequiredService<ISecretChannelFactory>();
        var names = new List<object?>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, self) =>
            {
                if (instrument.Meter == meter && instrument.Name == "peopleswarm.noise.library") self.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<int>((_, value, tags, _) => names.Add(value == 1 ? tags[0].Value : null));
        listener.Start();
        listener.RecordObservableInstruments();
        Assert.Equal([library], names);
    }

    [Fact]
    public void Refuses_channel_options_out_of_range()
    {
        SecretChannelOptions[] mistakes =
        [
            new() { MaxMessageSize = 16_777_199 }, new() { MaxMessageSize = -1 }, new() { KeepAlive = TimeSpan.FromSeconds(-1) }, new() { KeepAlive = TimeSpan.MaxValue },
            new() { Timeout = TimeSpan.FromSeconds(-1) }, new() { Timeout = TimeSpan.FromHours(2) },
        ];
        foreach (var options in mistakes)
            Assert.Equal("options", Assert.Throws<ArgumentException>(() => ChannelFixture.Open(MemoryTransport.Pair().A, HandshakeRole.Initiator, options)).ParamName);
    }
}
