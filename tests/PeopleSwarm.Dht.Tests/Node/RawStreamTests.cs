using System.IO.Pipelines;
using System.Text;
using PeopleSwarm.Dht.TestKit;

namespace PeopleSwarm.Dht.Node;

/// <summary>Streams the application makes on a node and connects itself.</summary>
public class RawStreamTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Two_raw_streams_are_joined_along_the_path_of_a_connection_and_outlive_it()
    {
        await using var nodes = await LoopbackNodes.StartAsync(3, Cancel);
        await using var listener = await nodes.Nodes[1].ListenAsync(PeerKit.Key(2), cancellationToken: Cancel);
        var client = await nodes.Nodes[2].ConnectAsync(PeerKit.Key(2).PublicKey, cancellationToken: Cancel);
        await using var server = await listener.AcceptAsync(Cancel);
        var one = nodes.Nodes[2].CreateRawStream();
        var other = nodes.Nodes[1].CreateRawStream();
        client.ConnectRawStream(one, other.LocalId);
        server.ConnectRawStream(other, one.LocalId);
        Assert.Throws<InvalidOperationException>(() => client.ConnectRawStream(one, other.LocalId));
        client.Abort();
        await client.Closed.WaitAsync(Cancel);
        await one.Output.WriteAsync("over there"u8.ToArray(), Cancel);
        Assert.Equal("over there", await ReadTextAsync(other.Input));
        await other.Output.WriteAsync("and back"u8.ToArray(), Cancel);
        Assert.Equal("and back", await ReadTextAsync(one.Input));
        var late = nodes.Nodes[2].CreateRawStream();
        Assert.Throws<InvalidOperationException>(() => client.ConnectRawStream(late, 1));
    }

    [Fact]
    public async Task Without_a_connection_they_are_joined_by_socket_address_and_number_and_a_third_node_relays()
    {
        await using var nodes = await LoopbackNodes.StartAsync(3, Cancel);
        var (one, middle, other) = (nodes.Nodes[0], nodes.Nodes[1], nodes.Nodes[2]);
        var a = one.CreateRawStream();
        var b = other.CreateRawStream();
        var left = middle.CreateRawStream();
        var right = middle.CreateRawStream();
        Connect(one, a, left, middle);
        Connect(other, b, right, middle);
        Connect(middle, left, a, one);
        Connect(middle, right, b, other);
        left.RelayTo(right);
        right.RelayTo(left);
        await a.Output.WriteAsync("through the middle"u8.ToArray(), Cancel);
        Assert.Equal("through the middle", await ReadTextAsync(b.Input));

        static void Connect(DhtNode node, IReliableStream stream, IReliableStream remote, DhtNode at) =>
            stream.Connect(node.Status.Socket!.Value, remote.LocalId, at.Status.LocalEndPoint);
    }

    [Fact]
    public async Task A_node_that_is_suspended_ends_them_and_one_that_is_disposed_makes_none()
    {
        await using var nodes = await LoopbackNodes.StartAsync(2, Cancel);
        var node = nodes.Nodes[1];
        var stream = node.CreateRawStream(); // not connected: no socket of it goes
        await node.SuspendAsync(Cancel);
        Assert.Null(node.Status.Socket);
        var close = await stream.Closed.WaitAsync(LoopbackNodes.Limit, Cancel);
        Assert.Equal(DhtError.Suspended, Assert.IsType<DhtException>(close.Error).Error);
        await node.ResumeAsync(Cancel);
        var fresh = node.CreateRawStream();
        await node.DisposeAsync();
        Assert.NotEqual(StreamCloseReason.Completed, (await fresh.Closed.WaitAsync(LoopbackNodes.Limit, Cancel)).Reason);
        Assert.Throws<ObjectDisposedException>(() => node.CreateRawStream());
    }

    private static async Task<string> ReadTextAsync(PipeReader reader)
    {
        var result = await reader.ReadAsync(Cancel);
        string text = Encoding.UTF8.GetString(result.Buffer);
        reader.AdvanceTo(result.Buffer.End);
        return text;
    }
}
