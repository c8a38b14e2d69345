using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using PeopleSwarm;
using Microsoft.Extensions.DependencyInjection;

namespace PackageReadmes;

internal static class Noise
{
    public static async Task ConnectAsync(string[] args)
    {
        using var keyPair = KeyPair.Generate();                 // or KeyPair.FromSeed(seed) for a lasting identity
        using var tcp = new TcpClient();
        await tcp.ConnectAsync(IPAddress.Loopback, 4000);

        await using var channel = await SecretStream.ConnectAsync(tcp.GetStream(), HandshakeRole.Initiator, keyPair,
            new() { RemotePublicKey = PublicKey.Parse(args[0]) });  // without it, anybody can be at the other end

        await channel.Output.WriteAsync("hello"u8.ToArray());   // a pipe, or channel.WriteMessageAsync to keep boundaries
        ReadResult answer = await channel.Input.ReadAsync();

        channel.Input.AdvanceTo(answer.Buffer.End);
    }

    public static void Register(IServiceCollection services)
    {
        services.AddNoise(options => options.HandshakeTimeout = TimeSpan.FromSeconds(5));
    }
}
