using PeopleSwarm;

namespace Layers;

/// <summary>Reliable streams over UDP, without keys and without a DHT: both sides agree on stream ids beforehand.</summary>
internal static class UdxAlone
{
    public static async Task RunAsync()
    {
        await using var socket = UdxSocket.Bind(UdpEndPoint.Loopback(0));
        await using var one = socket.Connect(localId: 1, remoteId: 2, remote: socket.LocalEndPoint);
        await using var other = socket.Connect(localId: 2, remoteId: 1, remote: socket.LocalEndPoint);

        await one.Output.WriteAsync("over UDP, in order"u8.ToArray());
        await one.Output.CompleteAsync();
        await other.Output.CompleteAsync();
        using var reader = new StreamReader(other.Input.AsStream());
        Console.WriteLine($"udx:     {await reader.ReadToEndAsync()}");
    }
}
