using System.CommandLine;
using System.Net;

namespace PeopleSwarm.Cli.Commands;

/// <summary><c>dht node</c>: one or many nodes of a network that exists.</summary>
internal static class DhtNodeCommand
{
    private const int MaxCount = 1000;

    public static Command Create()
    {
        var bootstrap = SharedOptions.Bootstrap(required: true);
        var count = SharedOptions.Number("--count", "N", $"How many nodes, 1 to {MaxCount}.", 1, MaxCount, 1);
        var host = SharedOptions.Host("Address to bind.", "0.0.0.0");
        var port = SharedOptions.Port("UDP port of the first node, the others take those that follow; 0 takes any.", 0);
        var persistent = SharedOptions.Flag("--persistent", "Serve others from the start, instead of first watching whether strangers reach us.");
        var verbose = SharedOptions.Verbose();
        var command = new Command("node", "Runs nodes of a network. Prints 'ready IP:PORT' for each, then 'all ready'.")
        {
            bootstrap, count, host, port, persistent, verbose,
        };
        command.SetAction((parsed, cancellation) => RunAsync(
            new(parsed.GetRequiredValue(bootstrap), parsed.GetRequiredValue(host), parsed.GetValue(persistent), parsed.GetValue(verbose)),
            parsed.GetValue(port), parsed.GetValue(count), cancellation));
        return command;
    }

    private static async Task<int> RunAsync(NodeSettings settings, ushort firstPort, int count, CancellationToken cancellation)
    {
        if (firstPort != 0 && firstPort + count - 1 > ushort.MaxValue)
            throw new TroubleException($"There are no {count} ports from {firstPort} on.", "Name a lower --port.");
        var nodes = new List<Layers>(count);
        try
        {
            for (int i = 0; i < count; i++)
            {
                var node = Layers.CreateNode(settings, firstPort == 0 ? (ushort)0 : (ushort)(firstPort + i));
                nodes.Add(node);
                await StartAsync(node, settings, cancellation);
            }
            await Console.Out.WriteLineAsync("all ready");
            await Interrupt.WaitAsync(cancellation);
            return CommandLine.Success;
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            return CommandLine.Success;
        }
        finally
        {
            await Task.WhenAll(nodes.Select(n => n.DisposeAsync().AsTask()));
        }
    }

    private static async Task StartAsync(Layers layers, NodeSettings settings, CancellationToken cancellation)
    {
        await layers.EnterAsync(settings.Bootstrap, tellWaiting: true, cancellation);
        var status = layers.Dht.Status;
        bool anyAddress = settings.Host.Equals(IPAddress.Any) || settings.Host.Equals(IPAddress.IPv6Any);
        var address = anyAddress && status.ObservedEndPoint is { } observed ? observed : status.LocalEndPoint;
        await Console.Out.WriteLineAsync($"ready {address}");
    }
}
