using System.IO.Pipelines;

namespace PeopleSwarm.Noise;

/// <summary>Counts what the whole process holds, and so runs while no other test does.</summary>
[CollectionDefinition(nameof(IdleMemoryTests), DisableParallelization = true)]
[Collection(nameof(IdleMemoryTests))]
public class IdleMemoryTests
{
    [Fact]
    public void A_channel_that_nobody_uses_takes_little_more_than_a_kilobyte()
    {
        const int Channels = 500;
        var factory = ChannelFixture.Factory();
        Nowhere[] transports = [.. Enumerable.Range(0, Channels + 1).Select(_ => new Nowhere())];
        var open = new ISecretChannel[Channels + 1];
        Open(Channels); // code and pools
        long before = GC.GetTotalMemory(forceFullCollection: true);
        for (int i = 0; i < Channels; i++) Open(i);
        long each = (GC.GetTotalMemory(forceFullCollection: true) - before) / Channels;
        GC.KeepAlive(open);
        Assert.InRange(each, 1, 1420);

        void Open(int i) => open[i] = factory.Open(transports[i], ChannelFixture.Keys(HandshakeRole.Initiator), new() { KeepAlive = TimeSpan.FromMinutes(10) });
    }

    private sealed class Nowhere : IDuplexPipe
    {
        public PipeReader Input { get; } = PipeReader.Create(Stream.Null);

        public PipeWriter Output { get; } = PipeWriter.Create(Stream.Null);
    }
}
