using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using PeopleSwarm.Interop.Harness;

namespace PeopleSwarm.Interop.Protomux;

/// <summary>Our multiplexer and npm protomux over one secret stream.</summary>
public class ProtomuxInteropTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(1);

    [Theory, InlineData(true), InlineData(false)]
    public async Task Channels_opened_in_opposite_order_carry_their_own_data(bool weInitiate)
    {
        await using var session = await Session.OpenAsync(weInitiate);
        await session.OpenTheirsAsync("two", handshake: "their two");
        await session.OpenTheirsAsync("one", id: "0a0b");
        var one = session.Mux.Open("one", new byte[] { 10, 11 }, "our one"u8.ToArray());
        var two = session.Mux.Open("two");
        session.Run();
        Assert.Equal("their two", Text((await two.Opened.WaitAsync(s_limit))!.Value));
        Assert.Equal(("one", "our one"), await session.ReadOpenAsync("one"));

        await one.SendAsync(2, "to one"u8.ToArray());
        await two.SendAsync(1, "to two"u8.ToArray());
        Assert.Equal(("one", 2, "to one"), await session.ReadMessageAsync());
        Assert.Equal(("two", 1, "to two"), await session.ReadMessageAsync());
        session.Peer.Send(new { command = "send", name = "two", type = 1, body = Hex("from two") });
        session.Peer.Send(new { command = "send", name = "one", type = 2, body = Hex("from one") });
        Assert.Equal((1, "from two"), await ReadAsync(two));
        Assert.Equal((2, "from one"), await ReadAsync(one));

        one.Close();
        var closed = await session.Peer.ReadAsync("closed", s_limit);
        Assert.Equal(("one", true), (closed.GetProperty("name").GetString(), closed.GetProperty("isRemote").GetBoolean()));
        session.Peer.Send(new { command = "closeChannel", name = "two" });
        await two.Closed.WaitAsync(s_limit);
    }

    [Fact]
    public async Task Their_handler_takes_an_opening_and_a_hundred_messages_a_moment_later()
    {
        await using var session = await Session.OpenAsync(weInitiate: true);
        session.Peer.Send(new { command = "pair", protocol = "late", name = "late", ms = 200, types = 100 });
        await session.Peer.ReadAsync("paired", s_limit);
        session.Run();
        var channel = session.Mux.Open("late", "id"u8.ToArray());
        for (int i = 0; i < 100; i++) await channel.SendAsync(i, Encoding.UTF8.GetBytes($"{i}"));
        Assert.Equal(Hex("id"), (await session.Peer.ReadAsync("notified", s_limit)).GetProperty("id").GetString());
        for (int i = 0; i < 100; i++) Assert.Equal(("late", i, $"{i}"), await session.ReadMessageAsync());
        Assert.NotNull(await channel.Opened.WaitAsync(s_limit));
    }

    [Fact]
    public async Task What_one_side_does_not_know_is_rejected_and_the_next_channel_works()
    {
        await using var session = await Session.OpenAsync(weInitiate: false);
        session.Run();
        for (int i = 0; i < 3; i++)
        {
            Assert.Null(await session.Mux.Open("unknown").Opened.WaitAsync(s_limit));
            await session.OpenTheirsAsync("unknown to us");
            Assert.True((await session.Peer.ReadAsync("closed", s_limit)).GetProperty("isRemote").GetBoolean());
        }
        session.Mux.OnOpen("known", id =>
        {
            session.Mux.Open("known", id);
            return ValueTask.CompletedTask;
        });
        await session.OpenTheirsAsync("known");
        Assert.Equal("known", (await session.ReadOpenAsync("known")).Name);
    }

    [Fact]
    public async Task Batches_of_five_thousand_arrive_whole_both_ways()
    {
        const int count = 5000;
        await using var session = await Session.OpenAsync(weInitiate: true);
        await session.OpenTheirsAsync("a");
        await session.OpenTheirsAsync("b");
        var (a, b) = (session.Mux.Open("a"), session.Mux.Open("b"));
        session.Run();
        session.Peer.Send(new { command = "batch", names = (string[])["a", "b", "b"], count });
        var (fromA, fromB) = (Collect(a, (count + 2) / 3), Collect(b, count - (count + 2) / 3));
        int[] all = [.. (await fromA).Concat(await fromB)];
        Assert.Equal(Enumerable.Range(0, count), all.Order());

        using (session.Mux.Cork())
            for (int i = 0; i < count; i++) await (i % 2 == 0 ? a : b).SendAsync(0, Encoding.UTF8.GetBytes($"{i}"));
        for (int i = 0; i < count; i++) Assert.Equal((i % 2 == 0 ? "a" : "b", 0, $"{i}"), await session.ReadMessageAsync());

        static async Task<List<int>> Collect(IProtomuxChannel channel, int count)
        {
            var read = new List<int>();
            while (read.Count < count) read.Add(int.Parse((await ReadAsync(channel)).Text, System.Globalization.CultureInfo.InvariantCulture));
            Assert.Equal(read.Order(), read);
            return read;
        }
    }

    private static string Hex(string text) => Convert.ToHexStringLower(Encoding.UTF8.GetBytes(text));

    private static string Text(ReadOnlyMemory<byte> bytes) => Encoding.UTF8.GetString(bytes.Span);

    private static async Task<(int Type, string Text)> ReadAsync(IProtomuxChannel channel)
    {
        var message = (await channel.ReceiveAsync().AsTask().WaitAsync(s_limit))!.Value;
        return (message.Type, Text(message.Body));
    }

    private sealed class Session(NodePeer peer, IProtomux mux) : IAsyncDisposable
    {
        private Task? _running;

        public NodePeer Peer => peer;

        public IProtomux Mux => mux;

        public static async Task<Session> OpenAsync(bool weInitiate)
        {
            using var listener = new TcpListener(IPAddress.Loopback, 0);
            listener.Start();
            var peer = NodePeer.Start("protomux/peer.js", new { port = ((IPEndPoint)listener.LocalEndpoint).Port, isInitiator = !weInitiate });
            var tcp = await listener.AcceptTcpClientAsync().WaitAsync(s_limit);
            using var keyPair = KeyPair.Generate();
            var channel = await SecretStream.ConnectAsync(tcp.GetStream(), weInitiate ? HandshakeRole.Initiator : HandshakeRole.Responder, keyPair);
            await peer.ReadAsync("ready", s_limit);
            return new(peer, channel.Multiplex());
        }

        public void Run() => _running = mux.RunAsync();

        public async Task OpenTheirsAsync(string name, string? id = null, string handshake = "")
        {
            peer.Send(new { command = "channel", name, protocol = name, id, handshake = Hex(handshake) });
            await peer.ReadAsync("channel", s_limit);
        }

        public async Task<(string Name, string Handshake)> ReadOpenAsync(string name)
        {
            while (true)
            {
                var open = await peer.ReadAsync("open", s_limit);
                if (open.GetProperty("name").GetString() == name)
                    return (name, Encoding.UTF8.GetString(Convert.FromHexString(open.GetProperty("handshake").GetString()!)));
            }
        }

        public async Task<(string Name, int Type, string Text)> ReadMessageAsync()
        {
            JsonElement message = await peer.ReadAsync("message", s_limit);
            return (message.GetProperty("name").GetString()!, message.GetProperty("type").GetInt32(),
                Encoding.UTF8.GetString(Convert.FromHexString(message.GetProperty("body").GetString()!)));
        }

        public async ValueTask DisposeAsync()
        {
            await mux.DisposeAsync();
            if (_running is not null) await _running.WaitAsync(s_limit).ContinueWith(static _ => { }, TaskScheduler.Default);
            await peer.DisposeAsync();
        }
    }
}
