using Microsoft.Extensions.Hosting;

namespace PeopleSwarm.Dht;

/// <summary>Starts the node with the host and says goodbye when it stops.</summary>
internal sealed class DhtHostedService(IDhtNode node) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken) => node.StartAsync(cancellationToken);

    public Task StopAsync(CancellationToken cancellationToken) => node.DisposeAsync().AsTask().WaitAsync(cancellationToken);
}
