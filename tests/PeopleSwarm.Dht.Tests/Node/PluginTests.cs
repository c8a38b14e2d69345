using System.Text;
using Microsoft.Extensions.DependencyInjection;

namespace PeopleSwarm.Dht.Node;

/// <summary>Extensions of the peer DHT by name and version, between nodes on loopback.</summary>
public class PluginTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_request_reaches_the_plugin_of_its_name_and_version_and_all_else_is_silence()
    {
        await using var nodes = new LoopbackNodes();
        var serving = nodes.AddBootstrapper(s => s.AddSingleton<IDhtPlugin>(new Echo("echo", 1)).AddSingleton<IDhtPlugin>(new Echo("echo", 2)));
        await serving.WhenBootstrappedAsync(Cancel);
        var asking = nodes.Add(o => o.Ephemeral = EphemeralMode.Always, s => s.AddSingleton<IDhtPlugin>(new Echo("echo", 1)));
        await asking.WhenBootstrappedAsync(Cancel);
        var to = serving.Status.LocalEndPoint;

        Assert.Equal("echo/1: hello", await AskAsync(DhtPluginRequest.Create("echo", 1, Echo.Command, value: "hello"u8.ToArray())));
        Assert.Equal("echo/2: ", await AskAsync(DhtPluginRequest.Create("echo", 2, Echo.Command)));
        foreach (var unknown in (DhtRequest[])[DhtPluginRequest.Create("echo", 3, Echo.Command), DhtPluginRequest.Create("ech", 1, Echo.Command),
            DhtPluginRequest.Create("echo", 1, Echo.Command + 1), new(10, Value: new byte[] { 200 })])
        {
            var error = await Assert.ThrowsAsync<DhtException>(() => asking.RequestAsync(unknown, to, new() { Retries = 0 }, Cancel));
            Assert.Equal(DhtError.RequestTimedOut, error.Error);
        }
        var refusal = await serving.RequestAsync(DhtPluginRequest.Create("echo", 1, Echo.Command), asking.Status.LocalEndPoint, cancellationToken: Cancel);
        Assert.Equal(1, refusal.Error); // nobody serves while ephemeral

        async Task<string> AskAsync(DhtRequest request) => Encoding.UTF8.GetString((await asking.RequestAsync(request, to, cancellationToken: Cancel)).Value!.Value.Span);
    }

    [Fact]
    public void A_request_that_cannot_be_is_refused_before_it_is_sent()
    {
        Assert.Throws<ArgumentException>(() => DhtPluginRequest.Create("", 1, 1));
        Assert.Throws<ArgumentException>(() => DhtPluginRequest.Create(new string('x', 256), 1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => DhtPluginRequest.Create("x", -1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => DhtPluginRequest.Create("x", 1, -1));
    }

    private sealed class Echo(string name, int version) : IDhtPlugin
    {
        public const int Command = 3;

        public string Name => name;

        public int Version => version;

        public bool TryHandle(DhtIncomingRequest request, out DhtReply? reply)
        {
            reply = new(Encoding.UTF8.GetBytes($"{name}/{version}: {Encoding.UTF8.GetString(request.Value.GetValueOrDefault().Span)}"));
            return request.Command == Command;
        }
    }
}
