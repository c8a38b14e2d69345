using System.IO.Pipelines;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace PeopleSwarm.Udx;

/// <summary>Makes hosts that share their socket factory, clock, scheduler and options.</summary>
internal sealed class DatagramHostFactory(IDatagramSocketFactory sockets, PipeScheduler scheduler, TimeProvider time,
    IOptions<DatagramHostOptions> options, UdxMetrics metrics, ILogger<DatagramHost> logger) : IDatagramHostFactory
{
    public IDatagramHost Create() => new DatagramHost(sockets, scheduler, time, options.Value, metrics, logger);
}
