using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace PeopleSwarm.Udx;

/// <summary>Binds the system's sockets, each of the best kind the system has.</summary>
internal sealed class UdpDatagramSocketFactory(IOptions<DatagramHostOptions> options, UdxMetrics metrics, ILoggerFactory? loggers = null)
    : IDatagramSocketFactory
{
    private readonly bool _useSegmentation = options.Value.UseSegmentation;
    private readonly ILogger _logger = (loggers ?? NullLoggerFactory.Instance).CreateLogger<UdpDatagramSocketFactory>();

    public IDatagramSocket Bind(UdpEndPoint local, DatagramSocketOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return _useSegmentation && UdpSegmentation.IsSupported
            ? new LinuxDatagramSocket(local, options, ReceiveBatchPool.Shared, metrics, _logger)
            : new UdpDatagramSocket(local, options, _useSegmentation, metrics, _logger,
                _useSegmentation && OperatingSystem.IsWindows() ? WindowsCoalescedReceive.TryCreate : null);
    }
}
