using System.CommandLine;
using System.Globalization;
using System.Text.Json;

namespace PeopleSwarm.Throughput.Dht;

/// <summary><c>dht</c>: what the DHT's operations take, ours and npm's in turn, as a table with ratios.</summary>
internal static class DhtSuite
{
    public static Command Create()
    {
        var names = new Option<string[]>("--case") { Description = $"Which cases: {string.Join(", ", DhtCase.All.Select(c => c.Name))}. Default all.", AllowMultipleArgumentsPerToken = true };
        names.AcceptOnlyFromAmong([.. DhtCase.All.Select(c => c.Name)]);
        var rounds = new Option<int>("--rounds") { Description = "Rounds, interleaved; the median counts.", DefaultValueFactory = _ => 3 };
        var oursAlone = new Option<bool>("--ours") { Description = "Leaves npm's nodes out." };
        var command = new Command("dht", "Looks up, announces, puts, serves and connects, ours and npm's side by side in one run.") { names, rounds, oursAlone };
        command.SetAction(async (parse, cancellationToken) =>
        {
            var wanted = parse.GetValue(names) is { Length: > 0 } some ? DhtCase.All.Where(c => some.Contains(c.Name)).ToArray() : DhtCase.All;
            var rows = new List<string>();
            Side[] sides = parse.GetValue(oursAlone) ? [Side.Ours] : [Side.Ours, Side.Npm];
            foreach (var benchmark in wanted) rows.AddRange(await RunAsync(benchmark, sides, parse.GetValue(rounds), cancellationToken));
            Console.WriteLine("| Case | What | Ours | npm | Against npm | Reach | Aim |");
            Console.WriteLine("| --- | --- | ---: | ---: | ---: | ---: | ---: |");
            foreach (string row in rows) Console.WriteLine(row);
            return 0;
        });
        return command;
    }

    private static async Task<IEnumerable<string>> RunAsync(DhtCase benchmark, Side[] sides, int rounds, CancellationToken cancellationToken)
    {
        var runs = new Dictionary<Side, List<JsonElement>> { [Side.Ours] = [], [Side.Npm] = [] };
        for (int round = 1; round <= rounds; round++)
            foreach (var side in sides)
            {
                using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                limit.CancelAfter(TimeSpan.FromMinutes(3));
                var told = await benchmark.RunAsync(side, limit.Token);
                runs[side].Add(told);
                Console.Error.WriteLine($"{benchmark.Name,-9} round {round} {(side == Side.Ours ? "ours" : "npm "),-4} {string.Join(", ", benchmark.Numbers.Select(n => $"{n.What} {Text(n, Of(told, n))}"))}");
            }
        return benchmark.Numbers.Select(number =>
        {
            double ours = Median(runs[Side.Ours], number), npm = Median(runs[Side.Npm], number);
            double ratio = number.LessIsBetter ? npm / ours : ours / npm;
            string against = number.Against ? string.Create(CultureInfo.InvariantCulture, $"{ratio:F2}×") : "";
            return $"| {benchmark.Name} | {number.What} | {Text(number, ours)} | {Text(number, npm)} | {against} | {number.Reach} | {number.Aim} |";
        });
    }

    private static double Of(JsonElement told, DhtNumber number) => told.GetProperty(number.Property).GetDouble();

    private static double Median(List<JsonElement> runs, DhtNumber number) => runs.Count == 0 ? double.NaN : runs.Select(r => Of(r, number)).Order().ElementAt(runs.Count / 2);

    private static string Text(DhtNumber number, double value) => string.Format(CultureInfo.InvariantCulture, number.Unit, value);
}
