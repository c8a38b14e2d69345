using System.Text;
using Microsoft.Extensions.DependencyInjection;
using PeopleSwarm;

namespace Layers;

/// <summary>A connection by key, without a topic.</summary>
internal static class DhtAlone
{
    public static async Task RunAsync(string bootstrap)
    {
        await using var one = Create(bootstrap);
        await using var other = Create(bootstrap);
        var (server, client) = (one.GetRequiredService<IDhtNode>(), other.GetRequiredService<IDhtNode>());
        var keyPair = KeyPair.Generate();

        await using var listener = await server.ListenAsync(keyPair);
        await using var dialled = await client.ConnectAsync(keyPair.PublicKey);
        await using var accepted = await listener.AcceptAsync();

        await dialled.Channel.WriteMessageAsync("found by key"u8.ToArray());
        var message = await accepted.Channel.ReadMessageAsync();
        Console.WriteLine($"dht:     {Encoding.UTF8.GetString(message!.Value.Span)}");
    }

    private static ServiceProvider Create(string bootstrap) =>
        new ServiceCollection().AddDht(o => o.Bootstrap = [bootstrap]).BuildServiceProvider();
}
