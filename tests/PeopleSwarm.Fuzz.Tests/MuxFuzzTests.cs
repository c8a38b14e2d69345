using System.Text;
using PeopleSwarm.Protomux.Protocol;
using PeopleSwarm.Testing;

namespace PeopleSwarm.Fuzz;

/// <summary>A multiplexer whose peer says anything: channels, names and memory stay within the options, and all of it is given back.</summary>
public class MuxFuzzTests
{
    private const int Frames = 100;
    private static readonly ProtomuxOptions s_options = new() { MaxChannels = 16, MaxPendingOpens = 4 };

    [Fact]
    public void A_multiplexer_takes_any_message() => FuzzRun.Seeds(100, seed =>
    {
        var random = new SeededRandom(seed);
        var corpus = GenuineFrames(random.Fork(1));
        var owner = new Owner(random.Fork(2));
        for (int i = 0; i < Frames; i++)
        {
            var fault = owner.Machine.Receive(Mutator.Next(random, corpus));
            owner.Act();
            Assert.InRange(owner.Machine.ChannelCount, 0, s_options.MaxChannels);
            Assert.InRange(owner.Machine.NameCount, 0, 2 * s_options.MaxChannels + s_options.MaxPendingOpens);
            Assert.True(owner.Machine.BufferedBytes >= 0);
            if (fault == MuxFault.None) continue;
            owner.End(); // as the connection that breaks
            owner = new Owner(random.Fork(i + 10));
        }
        owner.End();
    }, Frames);

    /// <summary>What an honest peer sends.</summary>
    private static List<byte[]> GenuineFrames(SeededRandom random)
    {
        var honest = new Owner(random);
        List<byte[]> frames = [];
        for (int i = 0; i < 20; i++)
        {
            if (i % 5 == 4) honest.Machine.Cork();
            honest.Act();
            honest.Act();
            if (i % 5 == 4) honest.Machine.Uncork();
            while (honest.Machine.TryTakeFrame(out byte[] frame)) frames.Add(frame);
        }
        frames.Add([0, 2, 1]); // reject
        return frames;
    }

    /// <summary>Opens, sends, reads, closes and decides at random.</summary>
    private sealed class Owner : IMuxEvents
    {
        private readonly SeededRandom _random;
        private readonly List<LocalChannel> _channels = [];
        private readonly List<NameState> _undecided = [];

        public Owner(SeededRandom random) => (_random, Machine) = (random, new(s_options, this));

        public MuxMachine Machine { get; }

        public void Act()
        {
            switch (_random.Next(6))
            {
                case 0 or 1:
                    if (Machine.Open(new($"name {_random.Next(4)}", []), Encoding.UTF8.GetBytes("hello"), _random.Next(2) == 0, this) is { } channel) _channels.Add(channel);
                    break;
                case 2 when _channels.Count > 0:
                    Machine.TrySend(_channels[_random.Next(_channels.Count)], _random.Next(300), new byte[_random.Next(20)]);
                    break;
                case 3 when _channels.Count > 0:
                    while (Machine.TryTake(_channels[_random.Next(_channels.Count)], out _)) { }
                    break;
                case 4 when _channels.Count > 0:
                    Machine.Close(_channels[_random.Next(_channels.Count)]);
                    break;
                case 5 when _undecided.Count > 0:
                    Machine.Decided(_undecided[0]);
                    _undecided.RemoveAt(0);
                    break;
            }
        }

        public void End()
        {
            foreach (var name in _undecided) Machine.Decided(name);
            foreach (var channel in _channels)
            {
                Machine.Close(channel);
                while (Machine.TryTake(channel, out _)) { }
            }
            Assert.Equal((0, 0L), (Machine.ChannelCount, Machine.BufferedBytes));
        }

        void IMuxEvents.OnOpened(LocalChannel channel, byte[] handshake) => Assert.Equal(ChannelState.Open, channel.State);

        void IMuxEvents.OnMessage(LocalChannel channel) => Assert.NotEmpty(channel.Messages);

        void IMuxEvents.OnClosed(LocalChannel channel) => Assert.Equal(ChannelState.Closed, channel.State);

        void IMuxEvents.OnPeerOpened(NameState name) => _undecided.Add(name);
    }
}
