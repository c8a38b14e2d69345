using PeopleSwarm.Testing;

namespace PeopleSwarm.Fuzz;

/// <summary>Makes hostile inputs: valid ones cut, joined and bent, huge lengths, and plain noise.</summary>
internal static class Mutator
{
    private const int MaxSize = 4096;

    private static readonly byte[][] s_lengths =
    [
        [0xFC], [0xFD, 0xFF, 0xFF], [0xFE, 0xFF, 0xFF, 0xFF, 0xFF], [0xFE, 0xFF, 0xFF, 0xFF, 0x7F], [0xFE, 0, 0, 0, 0x80],
        [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x1F, 0], [0xFF, 0, 0, 0, 0, 0, 0, 0, 0x80],
        [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F], [0xFD, 0, 0], [0xFE, 0, 0, 0x10, 0], [0xFF, 1, 0, 0, 0, 1, 0, 0, 0],
    ];

    private static readonly byte[] s_edges = [0, 1, 0x7F, 0x80, 0xFC, 0xFD, 0xFE, 0xFF];

    public static byte[] Next(SeededRandom random, IReadOnlyList<byte[]> corpus)
    {
        if (random.Next(20) == 0) return Noise(random, random.Next(300));
        byte[] input = corpus[random.Next(corpus.Count)];
        for (int steps = 1 + random.Next(4); steps > 0; steps--) input = Mutate(random, input, corpus);
        return input.Length > MaxSize ? input[..MaxSize] : input;
    }

    private static byte[] Mutate(SeededRandom random, byte[] input, IReadOnlyList<byte[]> corpus)
    {
        int at = random.Next(input.Length + 1), to = at + random.Next(input.Length - at + 1);
        switch (random.Next(9))
        {
            case 0:
                return input[..at];
            case 1:
                return input[at..];
            case 2:
                return [.. input[..at], .. input[to..]];
            case 3:
                return [.. input[..to], .. input[at..]];
            case 4:
                return [.. input[..at], .. s_lengths[random.Next(s_lengths.Length)], .. input[Math.Min(input.Length, at + random.Next(3))..]];
            case 5:
                byte[] other = corpus[random.Next(corpus.Count)];
                return [.. input[..at], .. other[random.Next(other.Length + 1)..]];
            case 6:
                return [.. input[..at], .. Noise(random, random.Next(40)), .. input[at..]];
            default:
                if (input.Length == 0) return input;
                byte[] bent = [.. input];
                int index = random.Next(bent.Length);
                bent[index] = random.Next(2) == 0 ? (byte)(bent[index] ^ 1 << random.Next(8)) : s_edges[random.Next(s_edges.Length)];
                return bent;
        }
    }

    private static byte[] Noise(SeededRandom random, int length)
    {
        byte[] bytes = new byte[length];
        random.Fill(bytes);
        return bytes;
    }
}
