using System.Text.Json;

namespace PeopleSwarm.Throughput;

/// <summary>What one run of one case gave; 0 where the case does not measure it.</summary>
internal sealed record Measurement
{
    public double MegabytesPerSecond { get; init; }

    /// <summary>Of both sides.</summary>
    public double CpuSecondsPerGigabyte { get; init; }

    public double P50Micros { get; init; }

    public double P99Micros { get; init; }

    /// <summary>The slowest stream's rate as a share of the mean: 1 is fair.</summary>
    public double SlowestShare { get; init; }

    /// <summary>The rate as a share of what the link carries in full packets.</summary>
    public double LinkShare { get; init; }

    /// <summary>Time that 95 % of the datagrams waited at most in front of the link.</summary>
    public double QueueP95Millis { get; init; }

    /// <summary>Memory of an idle connection, of both ends together.</summary>
    public double KilobytesPerConnection { get; init; }

    /// <summary>Puts both sides' events together: the receiver's clock and the CPU and memory of both.</summary>
    public static Measurement From(JsonElement dialler, JsonElement receiver, LinkProfile? link, double queueP95)
    {
        static double Number(JsonElement side, string name) => side.TryGetProperty(name, out var value) ? value.GetDouble() : 0;
        double bytes = Number(receiver, "bytes"), seconds = Number(receiver, "seconds"), connections = Number(dialler, "connections");
        double rate = bytes == 0 || seconds == 0 ? 0 : bytes / seconds;
        return new()
        {
            MegabytesPerSecond = rate / 1e6,
            CpuSecondsPerGigabyte = bytes == 0 ? 0 : (Number(dialler, "cpuSeconds") + Number(receiver, "cpuSeconds")) / (bytes / 1e9),
            P50Micros = Number(dialler, "p50"),
            P99Micros = Number(dialler, "p99"),
            SlowestShare = Share(receiver),
            LinkShare = link is null ? 0 : rate / link.PayloadBytesPerSecond,
            QueueP95Millis = queueP95,
            KilobytesPerConnection = connections == 0 ? 0 : (Number(dialler, "memory") + Number(receiver, "memory")) / connections / 1024,
        };
    }

    private static double Share(JsonElement receiver)
    {
        if (!receiver.TryGetProperty("perStream", out var seconds) || seconds.GetArrayLength() < 2) return 0;
        double[] rates = [.. seconds.EnumerateArray().Select(s => 1 / s.GetDouble())];
        return rates.Min() / rates.Average();
    }

    /// <summary>The median of each number for itself.</summary>
    public static Measurement Median(IReadOnlyList<Measurement> runs)
    {
        double Middle(Func<Measurement, double> of) => runs.Select(of).Order().ElementAt(runs.Count / 2);
        return new()
        {
            MegabytesPerSecond = Middle(m => m.MegabytesPerSecond),
            CpuSecondsPerGigabyte = Middle(m => m.CpuSecondsPerGigabyte),
            P50Micros = Middle(m => m.P50Micros),
            P99Micros = Middle(m => m.P99Micros),
            SlowestShare = Middle(m => m.SlowestShare),
            LinkShare = Middle(m => m.LinkShare),
            QueueP95Millis = Middle(m => m.QueueP95Millis),
            KilobytesPerConnection = Middle(m => m.KilobytesPerConnection),
        };
    }
}
