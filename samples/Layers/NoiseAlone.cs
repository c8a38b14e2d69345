using System.Net;
using System.Net.Sockets;
using System.Text;
using PeopleSwarm;

namespace Layers;

/// <summary>An encrypted stream over TCP: handshake and secret stream need any two-way stream of bytes, no more.</summary>
internal static class NoiseAlone
{
    public static async Task RunAsync()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var client = new TcpClient();
        await client.ConnectAsync((IPEndPoint)listener.LocalEndpoint);
        using var server = await listener.AcceptTcpClientAsync();

        using var alice = KeyPair.Generate();
        using var bob = KeyPair.Generate();
        var opening = AcceptAsync(server, bob);
        await using var ours = await SecretStream.ConnectAsync(client.GetStream(), HandshakeRole.Initiator, alice,
            new() { RemotePublicKey = bob.PublicKey });
        await using var theirs = await opening;

        await ours.WriteMessageAsync("over TCP, sealed"u8.ToArray());
        var message = await theirs.ReadMessageAsync();
        Console.WriteLine($"noise:   {Encoding.UTF8.GetString(message!.Value.Span)}, proved to come from {theirs.RemotePublicKey}");
    }

    private static async Task<ISecretChannel> AcceptAsync(TcpClient tcp, KeyPair keyPair) =>
        await SecretStream.ConnectAsync(tcp.GetStream(), HandshakeRole.Responder, keyPair);
}
