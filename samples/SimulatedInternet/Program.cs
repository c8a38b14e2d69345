// Two apps on an internet that exists in this process alone: two NATs, losses, an hour of silence, and a cut of ten minutes.
// Nothing here binds a port or waits for real time; the same seed tells the same story.
using PeopleSwarm;
using PeopleSwarm.Testing;
using SimulatedInternet;

long seed = args.Length > 0 ? long.Parse(args[0], System.Globalization.CultureInfo.InvariantCulture) : 2026;
var network = new SimulatedNetwork(seed) { Latency = TimeSpan.FromMilliseconds(35), Jitter = TimeSpan.FromMilliseconds(15), LossRate = 0.02 };
var internet = new Internet(network);
var topic = new Topic([.. Enumerable.Repeat((byte)42, 32)]);

var server = internet.AddApp(network.AddHost("81.2.69.160", "server"));
var office = network.AddNat("91.198.174.2", NatOptions.PortRestricted);
var laptop = internet.AddApp(office.AddHost("192.168.1.20", "laptop"));

network.Run(async () =>
{
    await internet.StartAsync();
    Say("the DHT is up");

    var echoing = Echo.ServeAsync(server, topic);
    await server.FlushAsync();
    Say("the server is announced");

    laptop.Join(topic, new JoinOptions { Server = false });
    await using var first = await Echo.NextAsync(laptop);
    Say($"the laptop is connected to {first.RemoteEndPoint} ({first.Path})");
    Say($"it hears: {await Echo.AskAsync(first, "hello?")}; the round trip takes {first.RoundTripTime.TotalMilliseconds:F0} ms");

    await Task.Delay(TimeSpan.FromHours(1), network.TimeProvider);
    Say($"an hour later it still hears: {await Echo.AskAsync(first, "anybody?")}");

    network.Partition([network.Hosts.Single(h => h.Name == "laptop")]);
    Say($"the laptop's line is cut; the connection ends: {(await first.Closed).Reason}");
    await Task.Delay(TimeSpan.FromMinutes(10), network.TimeProvider);
    network.Heal();
    Say("ten minutes later the line is back");

    await using var second = await Echo.NextAsync(laptop);
    Say($"the swarm has dialled again: {await Echo.AskAsync(second, "still there?")}");
    await internet.DisposeAsync();
    await echoing;
}, limit: TimeSpan.FromHours(3));

Console.WriteLine($"seed {seed}: {network.Statistics}");

void Say(string text) => Console.WriteLine($"{network.TimeProvider.GetUtcNow():HH:mm:ss.fff}  {text}");
