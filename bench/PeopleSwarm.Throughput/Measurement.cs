using System.Text.Json;

namespace PeopleSwarm.Throughput;

/// <summary>What one run of one case gave.</summary>
internal sealed record Measurement(double MegabytesPerSecond, double CpuSecondsPerGigabyte, double P50Micros, double P99Micros, double SlowestShare)
{
    /// <summary>Puts both sides' events together: the receiver's clock and the CPU of both.</summary>
    public static Measurement From(JsonElement dialler, JsonElement receiver)
    {
        double Number(JsonElement side, string name) => side.TryGetProperty(name, out var value) ? value.GetDouble() : 0;
        double bytes = Number(receiver, "bytes"), seconds = Number(receiver, "seconds");
        double cpu = Number(dialler, "cpuSeconds") + Number(receiver, "cpuSeconds");
        return new(
            bytes == 0 || seconds == 0 ? 0 : bytes / 1e6 / seconds,
            bytes == 0 ? 0 : cpu / (bytes / 1e9),
            Number(dialler, "p50"), Number(dialler, "p99"), Share(receiver));
    }

    /// <summary>The slowest stream's rate as a share of the mean: 1 is fair.</summary>
    private static double Share(JsonElement receiver)
    {
        if (!receiver.TryGetProperty("perStream", out var seconds) || seconds.GetArrayLength() < 2) return 1;
        double[] rates = [.. seconds.EnumerateArray().Select(s => 1 / s.GetDouble())];
        return rates.Min() / rates.Average();
    }

    public static Measurement Median(IReadOnlyList<Measurement> runs)
    {
        double Middle(Func<Measurement, double> of) => runs.Select(of).Order().ElementAt(runs.Count / 2);
        return new(Middle(m => m.MegabytesPerSecond), Middle(m => m.CpuSecondsPerGigabyte), Middle(m => m.P50Micros),
            Middle(m => m.P99Micros), Middle(m => m.SlowestShare));
    }
}
