using System.IO.Pipelines;
using System.Security.Cryptography;

namespace PeopleSwarm;

/// <summary>Two sockets on loopback and a stream between them.</summary>
internal sealed class UdxPair : IAsyncDisposable
{
    private static readonly TimeSpan s_limit = HostKit.Limit;

    // The first packet may come before the other loop has connected its end.
    private static readonly PathFilter s_accept = (IReliableStream _, in DatagramSource _) => true;

    public UdxPair(UdxSocket left, UdxSocket right) => (Left, Right) = (left, right);

    public UdxSocket Left { get; }
    public UdxSocket Right { get; }

    /// <summary>Two sockets, without streams.</summary>
    public static UdxPair Create(UdxOptions? options = null, DatagramHandler? onLeft = null, DatagramHandler? onRight = null) =>
        new(UdxSocket.Bind(UdpEndPoint.Loopback(0), onLeft, options), UdxSocket.Bind(UdpEndPoint.Loopback(0), onRight, options));

    /// <summary>A stream from the left to the right; <paramref name="id"/> is the left's id, one more the right's.</summary>
    public (UdxStream Left, UdxStream Right) Connect(uint id = 1, MessageHandler? onLeft = null, MessageHandler? onRight = null)
    {
        var right = Right.CreateStream(new ReliableStreamOptions { LocalId = id + 1, AcceptPath = s_accept, OnMessage = onRight });
        right.Connect(Right.Id, id, Left.LocalEndPoint);
        var left = Left.CreateStream(new ReliableStreamOptions { LocalId = id, AcceptPath = s_accept, OnMessage = onLeft });
        left.Connect(Left.Id, id + 1, Right.LocalEndPoint);
        return ((UdxStream)left, (UdxStream)right);
    }

    public async ValueTask DisposeAsync() => await Task.WhenAll(Left.DisposeAsync().AsTask(), Right.DisposeAsync().AsTask());

    /// <summary>Writes <paramref name="total"/> bytes that follow from <paramref name="seed"/>, in pieces of uneven size, then ends.</summary>
    public static async Task SendAsync(PipeWriter output, int seed, long total, bool end = true)
    {
        Random random = new(seed);
        using CancellationTokenSource timeout = new(s_limit);
        while (total > 0)
        {
            int length = (int)Math.Min(total, random.Next(1, 100_000));
            random.NextBytes(output.GetSpan(length)[..length]);
            output.Advance(length);
            total -= length;
            await output.FlushAsync(timeout.Token);
        }
        if (end) await output.CompleteAsync();
    }

    /// <summary>The hash of what <see cref="SendAsync"/> writes.</summary>
    public static byte[] Expected(int seed, long total)
    {
        Random random = new(seed);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] bytes = new byte[100_000];
        while (total > 0)
        {
            int length = (int)Math.Min(total, random.Next(1, 100_000));
            random.NextBytes(bytes.AsSpan(0, length));
            hash.AppendData(bytes, 0, length);
            total -= length;
        }
        return hash.GetHashAndReset();
    }

    /// <summary>Reads to the end; returns the number of bytes and their hash.</summary>
    public static async Task<(long Length, byte[] Hash)> ReceiveAsync(PipeReader input)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using CancellationTokenSource timeout = new(s_limit);
        long length = 0;
        while (true)
        {
            var result = await input.ReadAsync(timeout.Token);
            foreach (var memory in result.Buffer) hash.AppendData(memory.Span);
            length += result.Buffer.Length;
            input.AdvanceTo(result.Buffer.End);
            if (!result.IsCompleted) continue;
            await input.CompleteAsync();
            return (length, hash.GetHashAndReset());
        }
    }

    /// <summary>Reads exactly <paramref name="count"/> bytes.</summary>
    public static async Task<byte[]> ReadAsync(PipeReader input, int count)
    {
        using CancellationTokenSource timeout = new(s_limit);
        var result = await input.ReadAtLeastAsync(count, timeout.Token);
        byte[] bytes = new byte[Math.Min(count, result.Buffer.Length)];
        var taken = result.Buffer.Slice(0, bytes.Length);
        System.Buffers.BuffersExtensions.CopyTo(taken, bytes);
        input.AdvanceTo(taken.End);
        return bytes;
    }
}
