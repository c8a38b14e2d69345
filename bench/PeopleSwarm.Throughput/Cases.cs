using System.Globalization;

namespace PeopleSwarm.Throughput;

/// <summary>All cases with their goals.</summary>
internal static class Cases
{
    private const string Rate = "{0:F0} MB/s", Cpu = "{0:F2} s/GB", Micros = "{0:F0} µs", Share = "{0:P0}", Millis = "{0:F1} ms", Kilobytes = "{0:F1} KB";

    public static BenchmarkCase[] All { get; } =
    [
        new("raw", "udx", "udx.js", "send", "receive", Mixed: true)
        {
            Title = "one stream",
            Goals =
            [
                new("rate", m => m.MegabytesPerSecond, Rate, "5×", "8×, above 1,000 MB/s"),
                new("CPU", m => m.CpuSecondsPerGigabyte, Cpu, "5×", "10×", LessIsBetter: true),
                new("rate, ours to npm", m => m.MegabytesPerSecond, Rate, "1×", "1.3×", Listener: Side.Npm),
                new("rate, npm to ours", m => m.MegabytesPerSecond, Rate, "1×", "1.3×", Dialler: Side.Npm),
            ],
        },
        new("secret", "dht", "hyperdht.js", "send", "receive")
        {
            Title = "one encrypted connection",
            Goals = [new("rate", m => m.MegabytesPerSecond, Rate, "4×", "6×, above 700 MB/s")],
        },
        new("ping", "udx", "udx.js", "ping", "pong")
        {
            Title = "64-byte ping-pong",
            Goals =
            [
                new("p50", m => m.P50Micros, Micros, "2×", "3×", LessIsBetter: true),
                new("p99", m => m.P99Micros, Micros, "2×", "3×", LessIsBetter: true),
            ],
        },
        new("streams", "udx", "udx.js", "send", "receive", Streams: 100)
        {
            Title = "100 streams",
            Goals =
            [
                new("total of 100 streams", m => m.MegabytesPerSecond, Rate, "80 % of one stream", "90 %", Yardstick.OneStream),
                new("slowest stream's share", m => m.SlowestShare, Share, "50 %", "80 %", Yardstick.Itself),
            ],
        },
        Link("link-0", 0, "95 %", "97 %"),
        Link("link-1", 0.01, "93 %", "96 %"),
        Link("link-5", 0.05, "88 %", "92 %"),
        new("bloat", "udx", "udx.js", "send", "receive")
        {
            Title = "10 Mbit/s, deep queue",
            Link = new(10e6, TimeSpan.FromMilliseconds(100), QueueInBdp: 4),
            Goals = [new("p95 of queueing delay", m => m.QueueP95Millis, Millis, "2×", "4×", LessIsBetter: true)],
        },
        new("idle", "dht", "hyperdht.js", "idle-dial", "idle-listen")
        {
            Title = "500 idle connections",
            Goals = [new("memory a connection, both ends", m => m.KilobytesPerConnection, Kilobytes, "24 KB", "12 KB", LessIsBetter: true)],
        },
    ];

    private static BenchmarkCase Link(string name, double loss, string reach, string aim) => new(name, "udx", "udx.js", "send", "receive")
    {
        Title = string.Create(CultureInfo.InvariantCulture, $"100 Mbit/s, 50 ms, {100 * loss} % loss"),
        Link = new(100e6, TimeSpan.FromMilliseconds(50), loss),
        Goals = [new("share of the link", m => m.LinkShare, Share, reach, aim)],
    };
}
