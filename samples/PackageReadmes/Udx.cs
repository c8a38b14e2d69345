using System.IO.Pipelines;
using PeopleSwarm;
using Microsoft.Extensions.DependencyInjection;

namespace PackageReadmes;

internal static class Udx
{
    public static async Task ReceiveAsync()
    {
        // receiver.cs: our stream id is 2, the sender's is 1
        await using var socket = UdxSocket.Bind(UdpEndPoint.Parse("0.0.0.0:7000"));
        await using var stream = socket.CreateStream(new()
        {
            LocalId = 2,
            AcceptPath = (IReliableStream s, in DatagramSource from) =>
            {
                if (!s.IsConnected) s.Connect(from.Socket, remoteId: 1, from.From);
                return true;
            },
        });
        await using var file = File.Create("copy.bin");
        await stream.Input.CopyToAsync(file);      // until the sender ends
        await stream.Output.CompleteAsync();       // our end; the stream closes when both sides have ended
    }

    public static async Task SendAsync()
    {
        // sender.cs
        await using var socket = UdxSocket.Bind(UdpEndPoint.AnyIPv4);
        await using var stream = socket.Connect(localId: 1, remoteId: 2, UdpEndPoint.Parse("192.0.2.7:7000"));
        await using var file = File.OpenRead("original.bin");
        await file.CopyToAsync(stream.Output);
        await stream.Output.CompleteAsync();
        var close = await stream.Closed;           // Completed: every byte was acknowledged
        Console.WriteLine(close.Reason);
    }

    public static void Register(IServiceCollection services)
    {
        services.AddUdx(options => options.ReceiveWindow = 8 * 1024 * 1024);
    }
}
