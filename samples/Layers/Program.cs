// Each layer alone, on this machine. The README shows parts of these files.
using Layers;

await UdxAlone.RunAsync();
await NoiseAlone.RunAsync();
await using (var network = await LocalDht.StartAsync())
{
    await DhtAlone.RunAsync(network.Bootstrap);
    await SwarmAlone.RunAsync(network.Bootstrap);
}
Simulated.Run();
