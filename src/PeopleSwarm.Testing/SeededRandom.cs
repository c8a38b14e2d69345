using System.Buffers.Binary;

namespace PeopleSwarm.Testing;

/// <summary>Random bytes that follow from a seed alone (xoshiro256**). Safe on any thread; not for secrets.</summary>
public sealed class SeededRandom : IRandomSource
{
    private readonly Lock _gate = new();
    private ulong _a, _b, _c, _d;

    /// <summary>Begins the sequence of <paramref name="seed"/>.</summary>
    public SeededRandom(long seed)
    {
        Seed = seed;
        ulong state = (ulong)seed;
        (_a, _b, _c, _d) = (SplitMix(ref state), SplitMix(ref state), SplitMix(ref state), SplitMix(ref state));
    }

    /// <summary>What the sequence follows from.</summary>
    public long Seed { get; }

    /// <summary>Another sequence, which follows from this seed and <paramref name="label"/> and not from what was drawn here before.</summary>
    public SeededRandom Fork(long label)
    {
        ulong state = (ulong)Seed;
        state = SplitMix(ref state) ^ (ulong)label;
        return new((long)SplitMix(ref state));
    }

    /// <inheritdoc/>
    public void Fill(Span<byte> destination)
    {
        lock (_gate)
        {
            for (; destination.Length >= 8; destination = destination[8..])
                BinaryPrimitives.WriteUInt64LittleEndian(destination, Draw());
            if (destination.IsEmpty) return;
            Span<byte> last = stackalloc byte[8];
            BinaryPrimitives.WriteUInt64LittleEndian(last, Draw());
            last[..destination.Length].CopyTo(destination);
        }
    }

    /// <summary>A number from 0 up to, not including, <paramref name="exclusiveMax"/>, which must be above 0.</summary>
    public int Next(int exclusiveMax)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(exclusiveMax);
        return (int)((ulong)NextUInt32() * (uint)exclusiveMax >> 32);
    }

    /// <summary>Any 32-bit number.</summary>
    public uint NextUInt32() => (uint)(NextUInt64() >> 32);

    /// <summary>Any 64-bit number.</summary>
    public ulong NextUInt64()
    {
        lock (_gate) return Draw();
    }

    /// <summary>A number from 0 up to, not including, 1.</summary>
    public double NextDouble() => (NextUInt64() >> 11) * (1.0 / (1ul << 53));

    /// <summary>True with the given probability, 0 to 1. Draws nothing at 0 and below.</summary>
    public bool Chance(double probability) => probability > 0 && NextDouble() < probability;

    /// <summary>A duration from zero up to <paramref name="exclusiveMax"/>. Draws nothing at zero and below.</summary>
    public TimeSpan Next(TimeSpan exclusiveMax) =>
        exclusiveMax <= TimeSpan.Zero ? TimeSpan.Zero : new TimeSpan((long)(NextDouble() * exclusiveMax.Ticks));

    private ulong Draw()
    {
        ulong result = ulong.RotateLeft(_b * 5, 7) * 9, t = _b << 17;
        _c ^= _a;
        _d ^= _b;
        _b ^= _c;
        _a ^= _d;
        _c ^= t;
        _d = ulong.RotateLeft(_d, 45);
        return result;
    }

    private static ulong SplitMix(ref ulong state)
    {
        ulong z = state += 0x9E3779B97F4A7C15;
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
        z = (z ^ z >> 27) * 0x94D049BB133111EB;
        return z ^ z >> 31;
    }
}
