using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace PeopleSwarm.Cli;

/// <summary>Cuts bytes into lines.</summary>
internal static class Lines
{
    /// <summary>Bytes after which a line is cut, whatever comes.</summary>
    public const int MaxLength = 1 << 20;

    /// <summary>Lines without their ends (<c>\n</c> or <c>\r\n</c>), the last one with or without.</summary>
    /// <param name="reader">Completed by the caller.</param>
    /// <param name="quiet">Silence after which what is there counts as a line: many programs send texts without a line end.</param>
    /// <param name="cancellationToken">Ends the enumeration with an exception.</param>
    public static async IAsyncEnumerable<byte[]> ReadAsync(PipeReader reader, TimeSpan quiet, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        bool partial = false;
        while (true)
        {
            var result = await ReadOnceAsync(reader, partial ? quiet : Timeout.InfiniteTimeSpan, cancellationToken);
            var buffer = result.Buffer;
            while (TryCut(ref buffer, out byte[] line)) yield return line;
            if (!buffer.IsEmpty && (result.IsCanceled || result.IsCompleted))
            {
                yield return Trim(buffer);
                buffer = buffer.Slice(buffer.End);
            }
            reader.AdvanceTo(buffer.Start, buffer.End);
            if (result.IsCompleted) yield break;
            partial = !buffer.IsEmpty;
        }
    }

    private static async ValueTask<ReadResult> ReadOnceAsync(PipeReader reader, TimeSpan quiet, CancellationToken cancellationToken)
    {
        if (quiet == Timeout.InfiniteTimeSpan) return await reader.ReadAsync(cancellationToken);
        var reading = reader.ReadAsync(cancellationToken).AsTask();
        if (await Task.WhenAny(reading, Task.Delay(quiet, cancellationToken)) != reading) reader.CancelPendingRead();
        return await reading;
    }

    private static bool TryCut(ref ReadOnlySequence<byte> buffer, out byte[] line)
    {
        line = [];
        if (buffer.PositionOf((byte)'\n') is { } end)
        {
            line = Trim(buffer.Slice(0, end));
            buffer = buffer.Slice(buffer.GetPosition(1, end));
            return true;
        }
        if (buffer.Length < MaxLength) return false;
        line = buffer.Slice(0, MaxLength).ToArray();
        buffer = buffer.Slice(MaxLength);
        return true;
    }

    private static byte[] Trim(in ReadOnlySequence<byte> line)
    {
        byte[] bytes = line.ToArray();
        return bytes is [.., (byte)'\r'] ? bytes[..^1] : bytes;
    }
}
