using Microsoft.Extensions.Logging;

namespace PeopleSwarm.Dht;

/// <summary>What a node is composed of; from the container.</summary>
internal sealed record DhtServices(IDatagramHostFactory Hosts, IReliableTransportFactory Transports, IHandshakeFactory Handshakes,
    ISecretChannelFactory Channels,
    IProtomuxFactory Multiplexers, ICryptoSuite Crypto, IRandomSource Random, TimeProvider Time, INameResolver Names, ILocalNetwork LocalNetwork,
    DhtMetrics Metrics, IEnumerable<IDhtCommandHandler> Overlays, IEnumerable<IDhtPlugin> Plugins, ILoggerFactory? Loggers = null);
