using System.Buffers.Binary;
using PeopleSwarm.Interop.Harness;

namespace PeopleSwarm.Interop.PeerDht;

/// <summary>Raw streams joined along a connection with an npm peer.</summary>
public class RawStreamInteropTests
{
    private const int ServerSeed = 2, ClientSeed = 1, Length = 200_000;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Our_raw_stream_is_echoed_by_that_of_an_npm_server()
    {
        await using var ours = await OurNodes.StartAsync(3);
        await using var npm = await StartNpmAsync(ours);
        npm.Send(new { command = "listenRaw", seed = ServerSeed });
        await npm.ReadAsync("listening");
        await using var connection = await ours[2].ConnectAsync(OurNodes.Key(ServerSeed).PublicKey, new() { KeyPair = OurNodes.Key(ClientSeed) }, Cancel);
        await using var raw = await JoinAsync(ours[2], connection);
        var data = TestBytes.Create(7, Length);
        var received = new MemoryStream();
        var reading = raw.Input.CopyToAsync(received, Cancel);
        await raw.Output.WriteAsync(data, Cancel);
        await raw.Output.CompleteAsync();
        await reading;
        Assert.Equal(TestBytes.Sha256(data), TestBytes.Sha256(received.ToArray()));
        connection.Abort();
    }

    [Fact]
    public async Task Ours_echoes_the_raw_stream_of_an_npm_client()
    {
        await using var ours = await OurNodes.StartAsync(3);
        await using var listener = await ours[2].ListenAsync(OurNodes.Key(ServerSeed), cancellationToken: Cancel);
        await using var npm = await StartNpmAsync(ours);
        npm.Send(new { command = "connectRaw", publicKey = OurNodes.Key(ServerSeed).PublicKey.ToString(), seed = ClientSeed, length = Length });
        await using var connection = await listener.AcceptAsync(Cancel);
        await using var raw = await JoinAsync(ours[2], connection);
        await raw.Input.CopyToAsync(raw.Output, Cancel);
        await raw.Output.CompleteAsync();
        var echoed = await npm.ReadAsync("echoed");
        Assert.Equal(Length, echoed.GetProperty("length").GetInt32());
        Assert.Equal(TestBytes.Sha256(TestBytes.Create(ClientSeed, Length)), echoed.GetProperty("sha256").GetString());
        connection.Abort();
    }

    /// <summary>Tells the peer the number of a new raw stream and connects it to the one that the peer tells.</summary>
    private static async Task<IReliableStream> JoinAsync(IDhtNode node, IPeerConnection connection)
    {
        var raw = node.CreateRawStream();
        var number = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(number, raw.LocalId);
        await connection.AsStream().WriteAsync(number, Cancel);
        await connection.AsStream().ReadExactlyAsync(number, Cancel);
        connection.ConnectRawStream(raw, BinaryPrimitives.ReadUInt32LittleEndian(number));
        return raw;
    }

    private static async Task<NodePeer> StartNpmAsync(OurNodes ours) =>
        (await NodePeer.StartReadyAsync("hyperdht/node.js", new { bootstrap = ours.Addresses[..1], ephemeral = true, quickFirewall = false })).Peer;
}
