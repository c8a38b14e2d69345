using Microsoft.Extensions.DependencyInjection;
using NameService;
using PeopleSwarm;

ServiceProvider[] nodes = [Start(o => (o.IsBootstrapper, o.Port) = (true, 47_111)), Start(o => o.Port = 47_112), Start(o => o.Port = 47_113)];
foreach (var node in nodes) await node.GetRequiredService<IDhtNode>().WhenBootstrappedAsync();
await nodes[1].GetRequiredService<Names>().ClaimAsync(KeyPair.Generate(), version: 1, "tea.example", "the pot on the left");
Console.WriteLine($"tea.example: {(await nodes[2].GetRequiredService<Names>().ResolveAsync("tea.example"))?.Value}");
foreach (var node in nodes) await node.DisposeAsync();

static ServiceProvider Start(Action<DhtOptions> configure) => new ServiceCollection()
    .AddDht(o => (o.Host, o.Bootstrap, o.Ephemeral, o.ServePeers) = ("127.0.0.1", ["127.0.0.1:47111"], EphemeralMode.Never, false)).Configure(configure)
    .AddSingleton<IDhtCommandHandler, NameStore>().AddSingleton<Names>().BuildServiceProvider();
