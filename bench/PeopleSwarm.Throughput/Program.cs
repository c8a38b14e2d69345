using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using PeopleSwarm.Throughput;
using PeopleSwarm.Throughput.Dht;
using PeopleSwarm.Throughput.Peers;

var names = new Option<string[]>("--case") { Description = $"Which cases: {string.Join(", ", Cases.All.Select(c => c.Name))}. Default all.", AllowMultipleArgumentsPerToken = true };
names.AcceptOnlyFromAmong([.. Cases.All.Select(c => c.Name)]);
var rounds = new Option<int>("--rounds") { Description = "Rounds, interleaved; the median counts.", DefaultValueFactory = _ => 3 };
var megabytes = new Option<int>("--mb") { Description = "Megabytes a transfer moves; over a link at most what takes twelve seconds.", DefaultValueFactory = _ => 500 };
var pings = new Option<int>("--pings") { Description = "Round trips a ping-pong makes.", DefaultValueFactory = _ => 20_000 };
var connections = new Option<int>("--connections") { Description = "Idle connections to measure the memory of.", DefaultValueFactory = _ => 500 };
var chart = new Option<string?>("--chart") { Description = "Writes a chart of the ratios to this SVG file." };
var role = new Argument<string>("role");
var arguments = new Argument<string>("arguments");
var peer = new Command("peer", "One side of a case; started by the benchmark itself.") { role, arguments };
peer.Hidden = true;
var root = new RootCommand("Sends data between child processes, ours and npm's, side by side in one run, and prints medians and ratios.")
{
    names, rounds, megabytes, pings, connections, chart, peer, DhtSuite.Create(),
};

peer.SetAction(async parse =>
{
    var args = JsonNode.Parse(parse.GetRequiredValue(arguments))!.AsObject();
    await (parse.GetRequiredValue(role) switch
    {
        "dht" => DhtPeer.RunAsync(args),
        "dht-work" => DhtWork.RunAsync(args),
        "flood-work" => FloodWork.RunAsync(args),
        "flood" => Flood.RunAsync(args),
        _ => UdxPeer.RunAsync(args),
    });
    return 0;
});

root.SetAction(async (parse, cancellationToken) =>
{
    var wanted = parse.GetValue(names) is { Length: > 0 } some ? Cases.All.Where(c => some.Contains(c.Name)).ToArray() : Cases.All;
    var report = new Report();
    foreach (var benchmark in wanted)
    {
        var runs = new Dictionary<string, List<Measurement>>();
        for (int round = 1; round <= parse.GetValue(rounds); round++)
        {
            Workload work = new(parse.GetValue(megabytes) * 1_000_000L, parse.GetValue(pings), parse.GetValue(connections), round);
            foreach (var (dialler, listener) in benchmark.Pairs)
            {
                string pair = Report.PairName(dialler, listener);
                using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                limit.CancelAfter(TimeSpan.FromMinutes(3));
                var measured = await benchmark.RunAsync(dialler, listener, work, limit.Token);
                if (!runs.TryGetValue(pair, out var list)) runs[pair] = list = [];
                list.Add(measured);
                string numbers = string.Join(", ", benchmark.Goals.Where(g => g is { Dialler: Side.Ours, Listener: Side.Ours })
                    .Select(g => $"{g.What} {string.Format(CultureInfo.InvariantCulture, g.Unit, g.Of(measured))}"));
                Console.Error.WriteLine($"{benchmark.Name,-8} round {round} {pair,-12} {numbers}");
            }
        }
        report.Add(benchmark, runs.ToDictionary(r => r.Key, r => Measurement.Median(r.Value)));
    }
    report.Print();
    if (parse.GetValue(chart) is { } file) report.Draw(file);
    return 0;
});

return await root.Parse(args).InvokeAsync();
