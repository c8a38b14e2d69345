using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using PeopleSwarm.Noise;

namespace PeopleSwarm;

public class ConnectTests
{
    [Theory]
    [InlineData(HandshakePattern.XX), InlineData(HandshakePattern.IK), InlineData(HandshakePattern.XK), InlineData(HandshakePattern.NN)]
    public async Task Does_the_handshake_over_a_pipe_split_into_single_bytes(HandshakePattern pattern)
    {
        Pipe forthIn = new(), forthOut = new(), backIn = new(), backOut = new();
        var copying = Task.WhenAll(MemoryTransport.CopyInPiecesAsync(forthIn.Reader, forthOut.Writer, 1), MemoryTransport.CopyInPiecesAsync(backIn.Reader, backOut.Writer, 1));
        using KeyPair alice = KeyPair.Generate(), bob = KeyPair.Generate();
        var connecting = SecretStream.ConnectAsync(new MemoryTransport(backOut.Reader, forthIn.Writer), HandshakeRole.Initiator, alice, new() { Pattern = pattern, RemotePublicKey = bob.PublicKey });
        var accepting = SecretStream.ConnectAsync(new MemoryTransport(forthOut.Reader, backIn.Writer), HandshakeRole.Responder, bob, new() { Pattern = pattern });
        ISecretChannel a = await connecting, b = await accepting;
        Assert.Equal(a.HandshakeHash.ToArray(), b.HandshakeHash.ToArray());
        if (pattern != HandshakePattern.NN) Assert.Equal((bob.PublicKey, alice.PublicKey), (a.RemotePublicKey, b.RemotePublicKey));
        await a.WriteMessageAsync("ping"u8.ToArray());
        Assert.Equal("ping"u8.ToArray(), (await b.ReadMessageAsync())!.Value.ToArray());
        await b.WriteMessageAsync("pong"u8.ToArray());
        Assert.Equal("pong"u8.ToArray(), (await a.ReadMessageAsync())!.Value.ToArray());
        await a.DisposeAsync();
        await b.DisposeAsync();
        await copying;
    }

    [Fact]
    public async Task Works_over_tcp_with_both_ends_closed_one_after_the_other()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var client = new TcpClient();
        await client.ConnectAsync((IPEndPoint)listener.LocalEndpoint);
        using var server = await listener.AcceptTcpClientAsync();
        using KeyPair alice = KeyPair.Generate(), bob = KeyPair.Generate();
        var accepting = SecretStream.ConnectAsync(server.GetStream(), HandshakeRole.Responder, bob);
        await using var a = await SecretStream.ConnectAsync(client.GetStream(), HandshakeRole.Initiator, alice, new() { RemotePublicKey = bob.PublicKey });
        await using var b = await accepting;

        byte[] data = RandomNumberGenerator.GetBytes(3_000_001);
        var reading = b.Input.ReadToEndAsync();
        await a.Output.WriteAsync(data);
        await a.Output.CompleteAsync();
        Assert.Equal(SHA256.HashData(data), SHA256.HashData(await reading));
        await b.Output.WriteAsync("got it"u8.ToArray());
        await b.Output.CompleteAsync();
        Assert.Equal("got it"u8.ToArray(), await a.Input.ReadToEndAsync());
    }

    [Fact]
    public async Task Refuses_a_peer_with_another_key()
    {
        var (near, far) = MemoryTransport.Pair();
        using KeyPair alice = KeyPair.Generate(), bob = KeyPair.Generate(), eve = KeyPair.Generate();
        var accepting = SecretStream.ConnectAsync(far, HandshakeRole.Responder, eve);
        var error = await Assert.ThrowsAsync<SecretChannelException>(async () =>
            await SecretStream.ConnectAsync(near, HandshakeRole.Initiator, alice, new() { RemotePublicKey = bob.PublicKey }));
        Assert.Equal((SecretChannelError.Handshake, "Noise handshake failed"), (error.Error, error.Message));
        await Assert.ThrowsAsync<SecretChannelException>(async () => await accepting);
    }

    [Theory]
    [InlineData("000000"), InlineData("1f0000" + "00"), InlineData("ffff01"), InlineData("200000")]
    public async Task Refuses_garbage_and_ends(string wire)
    {
        var (near, far) = MemoryTransport.Pair();
        using var pair = KeyPair.Generate();
        far.Send([.. Convert.FromHexString(wire), .. new byte[32]]);
        far.Output.Complete();
        var error = await Assert.ThrowsAsync<SecretChannelException>(async () => await SecretStream.ConnectAsync(near, HandshakeRole.Responder, pair));
        Assert.Equal(SecretChannelError.Handshake, error.Error);
        await Assert.ThrowsAsync<SecretChannelException>(far.Input.ReadToEndAsync);
    }

    [Fact]
    public async Task Gives_up_in_time_and_on_request()
    {
        var time = new FakeTimeProvider();
        using var pair = KeyPair.Generate();
        var (near, far) = MemoryTransport.Pair();
        var handshake = new HandshakeFactory(Options.Create(new NoiseOptions()), new SystemRandomSource()).Create(HandshakePattern.XX, HandshakeRole.Initiator, pair);
        var connecting = ChannelFixture.Factory(time).ConnectAsync(near, handshake).AsTask();
        time.Advance(TimeSpan.FromSeconds(21));
        Assert.Equal(SecretChannelError.Handshake, (await Assert.ThrowsAsync<SecretChannelException>(() => connecting)).Error);
        await Assert.ThrowsAsync<SecretChannelException>(far.Input.ReadToEndAsync);

        using var cancel = new CancellationTokenSource();
        (near, far) = MemoryTransport.Pair();
        connecting = SecretStream.ConnectAsync(near, HandshakeRole.Initiator, pair, cancellationToken: cancel.Token).AsTask();
        cancel.Cancel();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => connecting);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(far.Input.ReadToEndAsync);
    }
}
