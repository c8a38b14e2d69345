using System.Buffers;
using System.IO.Pipelines;
using Microsoft.Extensions.Options;
using PeopleSwarm.Noise.SecretStream;

namespace PeopleSwarm.Noise;

/// <summary>Makes channels with fixed keys.</summary>
internal static class ChannelFixture
{
    private static readonly byte[] s_hash = [.. Enumerable.Range(0, 64).Select(i => (byte)i)];
    private static readonly byte[] s_keyA = [.. Enumerable.Repeat((byte)0xA, 32)], s_keyB = [.. Enumerable.Repeat((byte)0xB, 32)];

    public static HandshakeResult Keys(HandshakeRole role) => role == HandshakeRole.Initiator
        ? new(role, new(s_keyA), new PublicKey(s_keyB), s_hash, s_keyA, s_keyB)
        : new(role, new(s_keyB), new PublicKey(s_keyA), s_hash, s_keyB, s_keyA);

    public static SecretChannelFactory Factory(TimeProvider? time = null, NoiseOptions? options = null, IRandomSource? random = null) =>
        new(Options.Create(options ?? new()), random ?? new SystemRandomSource(), time ?? TimeProvider.System, new(Options.Create(options ?? new())));

    public static ISecretChannel Open(IDuplexPipe transport, HandshakeRole role, SecretChannelOptions? options = null,
        TimeProvider? time = null, NoiseOptions? noise = null, IRandomSource? random = null) =>
        Factory(time, noise, random).Open(transport, Keys(role), options);

    public static (ISecretChannel A, ISecretChannel B) Pair(long pause = 256 * 1024, SecretChannelOptions? options = null,
        TimeProvider? time = null, NoiseOptions? noise = null)
    {
        var (a, b) = MemoryTransport.Pair(pause);
        return (Open(a, HandshakeRole.Initiator, options, time, noise), Open(b, HandshakeRole.Responder, options, time, noise));
    }

    public static async Task<byte[]> ReadToEndAsync(this PipeReader reader)
    {
        var all = new ArrayBufferWriter<byte>();
        while (true)
        {
            var result = await reader.ReadAsync();
            foreach (var memory in result.Buffer) all.Write(memory.Span);
            reader.AdvanceTo(result.Buffer.End);
            if (result.IsCompleted) return all.WrittenSpan.ToArray();
        }
    }

    public static async Task<byte[]> ReadExactlyAsync(this PipeReader reader, int count)
    {
        var result = await reader.ReadAtLeastAsync(count);
        byte[] bytes = result.Buffer.Slice(0, count).ToArray();
        reader.AdvanceTo(result.Buffer.GetPosition(count));
        return bytes;
    }
}
