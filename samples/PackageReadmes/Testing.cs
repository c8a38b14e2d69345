using Microsoft.Extensions.DependencyInjection;
using PeopleSwarm;
using PeopleSwarm.Testing;

namespace PackageReadmes;

internal static class Testing
{
    public static void RunAnApplication()
    {
        var network = new SimulatedNetwork(seed: 2026) { Latency = TimeSpan.FromMilliseconds(35), LossRate = 0.02 };
        var nat = network.AddNat("91.198.174.2", NatOptions.Symmetric);
        var services = new ServiceCollection()
            .AddSimulatedInternet(network, nat.AddHost("192.168.1.20"))   // the only line that differs from the real app
            .AddSwarm()
            .BuildServiceProvider();

        network.Run(async () =>
        {
            var swarm = services.GetRequiredService<IPeerSwarm>();
            swarm.Join(Topic.FromText("tea time"));                       // and whatever the app does
            await Task.Delay(TimeSpan.FromHours(1), network.TimeProvider);
        }, limit: TimeSpan.FromHours(2));
    }
}
