using PeopleSwarm;

namespace PackageReadmes;

internal static class Protomux
{
    public static async Task ChatAsync(IPeerConnection connection, byte[] roomId)
    {
        await using var mux = connection.Channel.Multiplex();   // any IMessageChannel; the multiplexer owns it from here

        await using var chat = mux.Open("chat", id: roomId);    // the peer opens the same name, in any order
        var running = mux.RunAsync();                           // reads until the connection ends

        await chat.SendAsync(type: 0, "hello"u8.ToArray());
        while (await chat.ReceiveAsync() is { } message) Console.WriteLine($"{message.Type}: {message.Body.Length} bytes");

        await running;
    }
}
