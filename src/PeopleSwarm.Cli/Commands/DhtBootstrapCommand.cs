using System.CommandLine;
using System.Net;

namespace PeopleSwarm.Cli.Commands;

/// <summary><c>dht bootstrap</c>: the node a network begins with.</summary>
internal static class DhtBootstrapCommand
{
    public static Command Create()
    {
        var host = SharedOptions.Host("The address other nodes reach this one at; one of this machine.");
        var port = SharedOptions.Port("UDP port; 0 takes any.", 49737);
        var verbose = SharedOptions.Verbose();
        var command = new Command("bootstrap", "Runs the node a network of its own begins with. Prints 'ready IP:PORT' when it is.") { host, port, verbose };
        command.SetAction((parsed, cancellation) =>
            RunAsync(parsed.GetRequiredValue(host), parsed.GetValue(port), parsed.GetValue(verbose), cancellation));
        return command;
    }

    private static async Task<int> RunAsync(IPAddress host, ushort port, bool verbose, CancellationToken cancellation)
    {
        await using var layers = Layers.CreateBootstrapNode(host, port, verbose);
        await layers.Dht.WhenBootstrappedAsync(cancellation);
        await Console.Out.WriteLineAsync($"ready {layers.Dht.Status.LocalEndPoint}");
        await Interrupt.WaitAsync(cancellation);
        return CommandLine.Success;
    }
}
