using PeopleSwarm.Dht.WarmStart;

namespace PeopleSwarm.Dht;

// What is remembered from one run to the next.
internal sealed partial class DhtNode
{
    private static readonly TimeSpan s_firstSave = TimeSpan.FromSeconds(30), s_saveInterval = TimeSpan.FromMinutes(5);

    private StateFile? _stateFile;
    private ITimer? _saveTimer;

    /// <summary>The network we are in, so that nodes of another are never taken for ours.</summary>
    private NodeId StateNetwork => NodeState.NetworkOf(_services.Crypto,
        _options.IsBootstrapper ? [$"{_options.Host}:{_options.Port}"] : _options.Bootstrap);

    /// <summary>Takes what an earlier run knew, before anybody is asked.</summary>
    private async Task LoadStateAsync()
    {
        if (_options.StateFile is not { } path) return;
        _stateFile = new(path, _logger);
        if (_stateFile.Read(StateNetwork) is { } state)
        {
            StateLog.Loaded(_logger, state.Nodes.Count, state.Peers.Count);
            await OnLoopAsync(now =>
            {
                _machine.Remember(now, state.Nodes);
                foreach (var peer in state.Peers) _peers.RememberRelays(now, peer);
            }).ConfigureAwait(false);
        }
        _saveTimer = _services.Time.CreateTimer(static node => _ = ((DhtNode)node!).SaveStateAsync(), this, s_firstSave, s_saveInterval);
    }

    private async Task SaveStateAsync()
    {
        if (_stateFile is not { } file) return;
        try
        {
            IReadOnlyList<UdpEndPoint> nodes = [];
            IReadOnlyList<PeerRecord> peers = [];
            await OnLoopAsync(_ =>
            {
                nodes = _machine.NewestNodes(NodeState.MaxNodes);
                peers = _peers.RememberedRelays(NodeState.MaxPeers);
            }).ConfigureAwait(false);
            if (nodes.Count != 0) file.Write(new(StateNetwork, nodes, peers)); // who knows nobody forgets nothing
        }
        catch (DhtException) // disposed meanwhile, which saves by itself
        {
        }
    }
}
