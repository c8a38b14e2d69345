using System.IO.Pipelines;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace PeopleSwarm.Udx;

/// <summary>Makes hosts that share their socket factory, clock, scheduler and options.</summary>
internal sealed class DatagramHostFactory(IDatagramSocketFactory sockets, PipeScheduler scheduler, TimeProvider time,
    IOptions<DatagramHostOptions> options, UdxMetrics metrics, ILoggerFactory? loggers = null) : IDatagramHostFactory
{
    private readonly DatagramHostOptions _options = options.Value;
    private readonly ILogger<DatagramHost> _logger = (loggers ?? NullLoggerFactory.Instance).CreateLogger<DatagramHost>();

    public IDatagramHost Create() => new DatagramHost(sockets, scheduler, time, _options, metrics, _logger);
}
