using System.Buffers;
using System.Diagnostics;
using System.IO.Pipelines;
using System.Text.Json.Nodes;

namespace PeopleSwarm.Throughput.Peers;

/// <summary>What our peers do with a stream, whichever layer it is of; the counterpart of <c>tests/npm/bench/work.js</c>.</summary>
internal static class StreamWork
{
    private const int Chunk = 64 * 1024;
    private const int MessageSize = 64;

    public static Task<JsonObject> RunAsync(string mode, IDuplexPipe pipe, long bytes, int count) => mode switch
    {
        "send" => PumpAsync(pipe, bytes),
        "receive" => SinkAsync(pipe),
        "ping" => PingAsync(pipe, count),
        "pong" => PongAsync(pipe),
        _ => throw new ArgumentException($"There is no mode '{mode}'.", nameof(mode)),
    };

    private static async Task<JsonObject> PumpAsync(IDuplexPipe pipe, long bytes)
    {
        for (long left = bytes; left > 0;)
        {
            int length = (int)Math.Min(left, Chunk);
            pipe.Output.GetSpan(length)[..length].Fill(7);
            pipe.Output.Advance(length);
            left -= length;
            await pipe.Output.FlushAsync();
        }
        await pipe.Output.CompleteAsync();
        await SinkAsync(pipe);
        return new() { ["bytes"] = bytes };
    }

    private static async Task<JsonObject> SinkAsync(IDuplexPipe pipe)
    {
        long bytes = 0, first = 0;
        while (true)
        {
            var read = await pipe.Input.ReadAsync();
            if (first == 0) first = Stopwatch.GetTimestamp();
            bytes += read.Buffer.Length;
            pipe.Input.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted) break;
        }
        double seconds = Stopwatch.GetElapsedTime(first).TotalSeconds;
        await pipe.Output.CompleteAsync();
        return new() { ["bytes"] = bytes, ["seconds"] = seconds };
    }

    private static async Task<JsonObject> PingAsync(IDuplexPipe pipe, int count)
    {
        var times = new List<double>(count);
        for (int i = 0; i < count; i++)
        {
            long start = Stopwatch.GetTimestamp();
            pipe.Output.GetSpan(MessageSize)[..MessageSize].Fill(9);
            pipe.Output.Advance(MessageSize);
            await pipe.Output.FlushAsync();
            var read = await pipe.Input.ReadAtLeastAsync(MessageSize);
            pipe.Input.AdvanceTo(read.Buffer.GetPosition(MessageSize));
            if (i >= count / 10) times.Add(Stopwatch.GetElapsedTime(start).TotalMicroseconds);
        }
        await pipe.Output.CompleteAsync();
        times.Sort();
        return new() { ["p50"] = times[times.Count / 2], ["p99"] = times[(int)(times.Count * 0.99)] };
    }

    private static async Task<JsonObject> PongAsync(IDuplexPipe pipe)
    {
        while (true)
        {
            var read = await pipe.Input.ReadAsync();
            foreach (var segment in read.Buffer) pipe.Output.Write(segment.Span);
            pipe.Input.AdvanceTo(read.Buffer.End);
            await pipe.Output.FlushAsync();
            if (read.IsCompleted) break;
        }
        await pipe.Output.CompleteAsync();
        return [];
    }
}
