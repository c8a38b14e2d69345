namespace PeopleSwarm.Cli;

/// <summary>A DHT of the tool's own commands on 127.0.0.1: one bootstrap node and two more.</summary>
public sealed class LoopbackDht : IAsyncLifetime
{
    private readonly CliProcess _bootstrap = CliProcess.Start("dht", "bootstrap", "--host", "127.0.0.1", "--port", "0");
    private CliProcess? _nodes;

    /// <summary>What <c>--bootstrap</c> takes.</summary>
    public string Address { get; private set; } = "";

    public async ValueTask InitializeAsync()
    {
        Address = (await _bootstrap.Output.ReadLineAsync())["ready ".Length..];
        _nodes = CliProcess.Start("dht", "node", "--bootstrap", Address, "--count", "2", "--host", "127.0.0.1", "--persistent");
        await _nodes.Output.ReadLineAsync(line => line == "all ready");
    }

    public async ValueTask DisposeAsync()
    {
        await _bootstrap.DisposeAsync();
        if (_nodes is not null) await _nodes.DisposeAsync();
    }
}
