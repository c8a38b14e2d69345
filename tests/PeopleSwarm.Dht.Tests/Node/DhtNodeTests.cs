using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using PeopleSwarm.Dht.Rpc;

namespace PeopleSwarm.Dht.Node;

public class DhtNodeTests
{
    private const int Command = 200;

    private static readonly UdpEndPoint s_nobody = UdpEndPoint.Loopback(9); // discard; nothing listens there
    private static readonly NodeId s_target = NodeId.Parse(new string('5', 64));

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Nodes_on_loopback_become_persistent_and_find_each_other()
    {
        await using var nodes = await LoopbackNodes.StartAsync(5, Cancel);
        var ids = new Kademlia.NodeIds(TestCrypto.Suite);
        foreach (var node in nodes.Nodes)
        {
            var status = node.Status;
            Assert.False(status.IsEphemeral);
            Assert.Equal(ids.Of(status.LocalEndPoint), status.Id);
            Assert.Equal(status.LocalEndPoint, status.PublicEndPoint);
            Assert.True(status.KnownNodes > 0);
        }
        await using var query = nodes.Nodes[4].Query(new(RpcCommands.FindNode, nodes.Nodes[1].Status.Id, IsInternal: true));
        var result = await query.FinishAsync(Cancel);
        Assert.Equal(nodes.Nodes[1].Status.LocalEndPoint, result.ClosestNodes[0]);
        Assert.Equal(4, result.Successes);
        var statistics = nodes.Nodes[4].Statistics;
        Assert.True(statistics is { Requests: >= 4, Responses: >= 4, Queries: >= 2, ActiveQueries: 0 });
    }

    [Fact]
    public async Task A_ping_tells_the_round_trip_and_how_the_other_sees_us()
    {
        await using var nodes = await LoopbackNodes.StartAsync(2, Cancel);
        var answer = await nodes.Nodes[1].PingAsync(nodes.Nodes[0].Status.LocalEndPoint, Cancel);
        Assert.Equal(nodes.Nodes[0].Status.LocalEndPoint, answer.From);
        Assert.Equal(nodes.Nodes[0].Status.Id, answer.FromId);
        Assert.Equal(nodes.Nodes[1].Status.LocalEndPoint, answer.To);
        Assert.InRange(answer.RoundTrip, TimeSpan.Zero, TimeSpan.FromSeconds(4));
    }

    [Fact]
    public async Task Requests_nobody_answers_time_out_and_cancelled_ones_end_at_once()
    {
        await using var nodes = await LoopbackNodes.StartAsync(1, Cancel);
        var error = await Assert.ThrowsAsync<DhtException>(() => nodes.Nodes[0].RequestAsync(new(Command), s_nobody, new() { Retries = 0 }, Cancel));
        Assert.Equal(DhtError.RequestTimedOut, error.Error);
        using var cancel = new CancellationTokenSource();
        var request = nodes.Nodes[0].RequestAsync(new(Command), s_nobody, new() { Retries = 10 }, cancel.Token);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => request.WaitAsync(LoopbackNodes.Limit, Cancel));
    }

    [Fact]
    public async Task Mistakes_are_told_before_anything_is_sent()
    {
        await using var nodes = new LoopbackNodes();
        var node = nodes.AddBootstrapper();
        await Assert.ThrowsAsync<ArgumentNullException>(() => node.RequestAsync(null!, s_nobody, null, Cancel));
        await Assert.ThrowsAsync<ArgumentException>(() => node.RequestAsync(new(Command), s_nobody.WithPort(0), null, Cancel));
        await Assert.ThrowsAsync<ArgumentException>(() => node.RequestAsync(new(Command, Value: new byte[2048]), s_nobody, null, Cancel));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => node.RequestAsync(new(Command), s_nobody, new() { Retries = 11 }, Cancel));
        Assert.Throws<ArgumentException>(() => node.Query(new(Command)));
        Assert.Throws<ArgumentOutOfRangeException>(() => node.Query(new(Command, s_target), new() { Concurrency = 65 }));
        Assert.Throws<ArgumentException>(() => node.Query(new(Command, s_target), new() { OnlyGivenNodes = true }));
        Assert.Equal(default, node.Status.LocalEndPoint);
    }

    [Fact]
    public async Task Overlays_are_served_in_turn_and_one_that_throws_costs_only_its_answer()
    {
        await using var nodes = new LoopbackNodes();
        var serving = nodes.AddBootstrapper(s => s
            .AddSingleton<IDhtCommandHandler>(new Overlay(Command, _ => throw new InvalidOperationException("a bug of the overlay")))
            .AddSingleton<IDhtCommandHandler>(new Overlay(Command + 1, r => new(r.Value, WithToken: false)))
            .AddSingleton<IDhtCommandHandler>(new Overlay(Command + 2, _ => null)));
        await serving.WhenBootstrappedAsync(Cancel);
        var asking = nodes.Add(o => o.Ephemeral = EphemeralMode.Always);
        var to = serving.Status.LocalEndPoint;
        await Assert.ThrowsAsync<DhtException>(() => asking.RequestAsync(new(Command), to, new() { Retries = 0 }, Cancel));
        var echo = await asking.RequestAsync(new(Command + 1, Value: new byte[] { 1, 2 }), to, null, Cancel);
        Assert.Equal([1, 2], echo.Value!.Value.ToArray());
        Assert.Null(echo.Token);
        await Assert.ThrowsAsync<DhtException>(() => asking.RequestAsync(new(Command + 2), to, new() { Retries = 0 }, Cancel));
        Assert.Equal(RpcErrors.UnknownCommand, (await asking.RequestAsync(new(Command + 3), to, null, Cancel)).Error);
    }

    [Fact]
    public async Task A_query_waits_for_its_reader_and_ends_with_the_break()
    {
        await using var nodes = await LoopbackNodes.StartAsync(12, Cancel);
        var asking = nodes.Add(o => (o.Ephemeral, o.QueryBuffer, o.Concurrency) = (EphemeralMode.Always, 1, 1));
        await asking.WhenBootstrappedAsync(Cancel);
        long before = asking.Statistics.Requests;
        var query = asking.Query(new(RpcCommands.FindNode, s_target, IsInternal: true));
        await using var reader = query.GetAsyncEnumerator(Cancel);
        Assert.True(await reader.MoveNextAsync());
        await Task.Delay(300, Cancel);
        Assert.InRange(asking.Statistics.Requests - before, 1, 5);
        int answers = 1;
        while (await reader.MoveNextAsync()) answers++;
        Assert.Equal(12, answers);
        Assert.Equal(12, (await query.FinishAsync(Cancel)).Successes);

        var broken = asking.Query(new(RpcCommands.FindNode, s_target, IsInternal: true));
        await foreach (var _ in broken) break;
        await Assert.ThrowsAsync<DhtException>(() => broken.FinishAsync(Cancel));
        Assert.Throws<InvalidOperationException>(() => Enumerate(broken));
        static void Enumerate(IDhtQuery<DhtResponse> query) => query.GetAsyncEnumerator(Cancel).MoveNextAsync().AsTask().GetAwaiter().GetResult();
    }

    [Fact]
    public async Task Commits_succeed_are_refused_or_fail_with_the_code_that_made_them()
    {
        await using var nodes = new LoopbackNodes();
        int error = 0;
        var serving = nodes.AddBootstrapper(s => s.AddSingleton<IDhtCommandHandler>(new Overlay(Command, r => new(Error: r.HasValidToken ? error : 0))));
        await serving.WhenBootstrappedAsync(Cancel);
        var asking = nodes.Add(o => o.Ephemeral = EphemeralMode.Always);
        await asking.WhenBootstrappedAsync(Cancel);
        Assert.Equal(1, (await Commit(r => new(Command, s_target, Token: r.Token))).Committed);
        error = 17;
        var refused = await Assert.ThrowsAsync<DhtException>(() => Commit(r => new(Command, s_target, Token: r.Token)));
        Assert.Equal(DhtError.CommitRefused, refused.Error);
        Assert.Contains("17", refused.Message, StringComparison.Ordinal);
        var thrown = await Assert.ThrowsAsync<DhtException>(() => Commit(_ => throw new InvalidOperationException("mine")));
        Assert.Equal("mine", thrown.InnerException!.Message);
        var alone = nodes.Add(o => (o.Ephemeral, o.Bootstrap) = (EphemeralMode.Always, []));
        await using var lonely = alone.Query(new(Command, s_target), new() { Commit = r => new(Command, s_target) });
        Assert.Equal(DhtError.TooFewNodes, (await Assert.ThrowsAsync<DhtException>(() => lonely.FinishAsync(Cancel))).Error);

        async Task<DhtQueryResult> Commit(Func<DhtResponse, DhtRequest?> commit)
        {
            await using var query = asking.Query(new(Command, s_target), new() { Commit = commit });
            return await query.FinishAsync(Cancel);
        }
    }

    [Fact]
    public async Task C8_suspend_closes_the_sockets_and_resume_takes_the_same_ports()
    {
        await using var nodes = await LoopbackNodes.StartAsync(3, Cancel);
        var node = nodes.Nodes[2];
        var local = node.Status.LocalEndPoint;
        var request = node.RequestAsync(new(Command), s_nobody, new() { Retries = 10 }, Cancel);
        var query = node.Query(new(Command, s_target), new() { Nodes = [s_nobody], OnlyGivenNodes = true });
        var finish = query.FinishAsync(Cancel);
        await Task.Delay(100, Cancel);
        await node.SuspendAsync(Cancel);
        Assert.Equal(DhtError.Suspended, (await Assert.ThrowsAsync<DhtException>(() => request)).Error);
        Assert.Equal(DhtError.Suspended, (await Assert.ThrowsAsync<DhtException>(() => finish)).Error);
        Assert.True(node.Status is { IsSuspended: true, LocalEndPoint.Port: 0 });
        Assert.Equal(DhtError.Suspended, (await Assert.ThrowsAsync<DhtException>(() => node.PingAsync(nodes.Nodes[0].Status.LocalEndPoint, Cancel))).Error);
        await Assert.ThrowsAsync<DhtException>(() => nodes.Nodes[0].RequestAsync(new(RpcCommands.Ping, IsInternal: true), local, new() { Retries = 0 }, Cancel));
        await node.SuspendAsync(Cancel);
        await node.ResumeAsync(Cancel);
        await node.ResumeAsync(Cancel);
        Assert.Equal(local, node.Status.LocalEndPoint);
        Assert.Equal(local, (await nodes.Nodes[0].PingAsync(local, Cancel)).From);
        Assert.Equal(nodes.Nodes[0].Status.LocalEndPoint, (await node.PingAsync(nodes.Nodes[0].Status.LocalEndPoint, Cancel)).From);
    }

    [Fact]
    public async Task Disposing_ends_everything_under_way_and_can_be_done_twice()
    {
        await using var nodes = await LoopbackNodes.StartAsync(2, Cancel);
        var node = nodes.Nodes[1];
        var request = node.RequestAsync(new(Command), s_nobody, new() { Retries = 10 }, Cancel);
        var finish = node.Query(new(Command, s_target), new() { Nodes = [s_nobody], OnlyGivenNodes = true }).FinishAsync(Cancel);
        await Task.Delay(100, Cancel);
        await Task.WhenAll(node.DisposeAsync().AsTask(), node.DisposeAsync().AsTask()).WaitAsync(LoopbackNodes.Limit, Cancel);
        Assert.Equal(DhtError.Destroyed, (await Assert.ThrowsAsync<DhtException>(() => request)).Error);
        Assert.Equal(DhtError.Destroyed, (await Assert.ThrowsAsync<DhtException>(() => finish)).Error);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => node.PingAsync(s_nobody, Cancel));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => node.StartAsync(Cancel));
    }

    [Fact]
    public async Task A_node_never_started_is_disposed_without_a_trace()
    {
        await using var nodes = new LoopbackNodes();
        await nodes.AddBootstrapper().DisposeAsync().AsTask().WaitAsync(LoopbackNodes.Limit, Cancel);
    }

    [Fact]
    public async Task Ports_are_taken_from_the_range_then_anywhere_and_exactly_where_that_is_asked()
    {
        await using var nodes = new LoopbackNodes();
        int port = FreePort.Find();
        var first = nodes.Add(o => (o.Port, o.PortCount, o.Bootstrap) = (port, 1, []));
        await first.StartAsync(Cancel);
        Assert.Equal(port, first.Status.LocalEndPoint.Port);
        var second = nodes.Add(o => (o.Port, o.PortCount, o.Bootstrap) = (port, 1, []));
        await second.StartAsync(Cancel);
        Assert.NotEqual(port, second.Status.LocalEndPoint.Port);
        var third = nodes.Add(o => (o.Port, o.AnyPort, o.Bootstrap) = (port, false, []));
        await Assert.ThrowsAsync<SocketException>(() => third.StartAsync(Cancel));
    }

    [Fact]
    public async Task Status_changes_are_told()
    {
        await using var nodes = new LoopbackNodes();
        var node = nodes.AddBootstrapper();
        var persistent = new TaskCompletionSource();
        node.StatusChanged += (sender, _) =>
        {
            Assert.Same(node, sender);
            if (node.Status is { IsBootstrapped: true, IsEphemeral: false }) persistent.TrySetResult();
        };
        await node.StartAsync(Cancel);
        await persistent.Task.WaitAsync(LoopbackNodes.Limit, Cancel);
    }

    [Fact]
    public async Task C4_names_are_looked_up_and_dead_ones_skipped()
    {
        await using var nodes = await LoopbackNodes.StartAsync(1, Cancel);
        int port = nodes.Nodes[0].Status.LocalEndPoint.Port;
        var node = nodes.Add(o => (o.Bootstrap, o.Ephemeral) = ([$"nowhere.invalid:{port}", $"first.example:{port}"], EphemeralMode.Never),
            s => s.AddSingleton<INameResolver>(new FakeNames()));
        await node.WhenBootstrappedAsync(Cancel);
        Assert.Equal(1, node.Status.KnownNodes);
    }

    [Fact]
    public async Task A_resolver_that_fails_in_its_own_way_does_not_keep_a_node_from_bootstrapping()
    {
        await using var nodes = await LoopbackNodes.StartAsync(1, Cancel);
        int port = nodes.Nodes[0].Status.LocalEndPoint.Port;
        var node = nodes.Add(o => o.Bootstrap = [$"broken.example:{port}", $"first.example:{port}"], s => s.AddSingleton<INameResolver>(new FakeNames()));
        await node.WhenBootstrappedAsync(Cancel).WaitAsync(TimeSpan.FromSeconds(10), Cancel);
        Assert.Equal(1, node.Status.KnownNodes);
    }

    [Fact]
    public async Task A_node_disposed_while_it_starts_listens_to_no_interfaces_any_more()
    {
        var network = new FakeNetwork();
        var node = DhtNodeFactory.Create(o => (o.Host, o.Port, o.Bootstrap) = ("127.0.0.1", 0, []), s => s.AddSingleton<ILocalNetwork>(network));
        network.Asked = () => // in the middle of its start
        {
            var disposal = node.DisposeAsync().AsTask();
            Thread.Sleep(100); // a disposal that does not wait is past the interfaces by then
            return disposal;
        };
        await node.StartAsync(Cancel);
        await network.Answer.WaitAsync(TimeSpan.FromSeconds(10), Cancel);
        Assert.Equal(0, network.Listeners);
    }

    [Fact]
    public async Task A_query_cancelled_before_it_began_asks_nobody()
    {
        await using var nodes = await LoopbackNodes.StartAsync(2, Cancel);
        var node = nodes.Nodes[1];
        long before = node.Statistics.Queries;
        await using var query = node.FindNode(s_target);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => query.FinishAsync(new CancellationToken(canceled: true)));
        await node.OnLoopAsync(_ => { });
        Assert.Equal(before, node.Statistics.Queries);
    }

    [Fact]
    public async Task A_host_starts_the_node_and_stops_it()
    {
        await using var services = new ServiceCollection().AddDht(o => (o.Host, o.Port, o.Bootstrap) = ("127.0.0.1", 0, [])).AddDht().BuildServiceProvider();
        var hosted = Assert.Single(services.GetServices<IHostedService>());
        await hosted.StartAsync(Cancel);
        var node = services.GetRequiredService<IDhtNode>();
        Assert.NotEqual(0, node.Status.LocalEndPoint.Port);
        await hosted.StopAsync(Cancel);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => node.StartAsync(Cancel));
    }

    [Fact]
    public async Task A_node_made_without_a_host_takes_its_layers_down_with_it()
    {
        INameResolver? names = null;
        var node = DhtNodeFactory.Create(o => (o.Host, o.Port, o.Bootstrap) = ("127.0.0.1", 0, []),
            s => s.AddSingleton<INameResolver>(_ => names = new FakeNames()));
        await node.WhenBootstrappedAsync(Cancel);
        Assert.NotNull(names);
        await node.DisposeAsync().AsTask().WaitAsync(LoopbackNodes.Limit, Cancel);
        Assert.True(((FakeNames)names).IsDisposed);
        Assert.Contains(nameof(DhtOptions.Host), Assert.Throws<OptionsValidationException>(() => DhtNodeFactory.Create(o => o.Host = "")).Message, StringComparison.Ordinal);
    }

    private sealed class Overlay(int command, Func<DhtIncomingRequest, DhtReply?> serve) : IDhtCommandHandler
    {
        public bool TryHandle(DhtIncomingRequest request, out DhtReply? reply)
        {
            reply = request.Command == command ? serve(request) : null;
            return request.Command == command;
        }
    }

    private sealed class FakeNames : INameResolver, IDisposable
    {
        public bool IsDisposed { get; private set; }

        public void Dispose() => IsDisposed = true;

        public Task<UdpEndPoint?> ResolveAsync(string name, CancellationToken cancellationToken) => name switch
        {
            "first.example" => Task.FromResult<UdpEndPoint?>(UdpEndPoint.Loopback(0)),
            "broken.example" => Task.FromException<UdpEndPoint?>(new InvalidOperationException("No configuration.")),
            _ => Task.FromException<UdpEndPoint?>(new SocketException((int)SocketError.HostNotFound)),
        };
    }

    private sealed class FakeNetwork : ILocalNetwork
    {
        public event Action? Changed;

        public Func<Task>? Asked { get; set; }

        public Task Answer { get; private set; } = Task.CompletedTask;

        public int Listeners => Changed?.GetInvocationList().Length ?? 0;

        public IReadOnlyList<UdpEndPoint> Addresses
        {
            get
            {
                if (Asked is { } asked)
                {
                    Asked = null;
                    Answer = asked();
                }
                return [];
            }
        }
    }
}
