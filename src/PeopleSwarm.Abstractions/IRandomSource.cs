using System.Buffers.Binary;
using System.Security.Cryptography;

namespace PeopleSwarm;

/// <summary>Where random bytes come from; a test replaces it by a seeded one. Safe on any thread.</summary>
public interface IRandomSource
{
    /// <summary>Fills <paramref name="destination"/> with unpredictable bytes.</summary>
    void Fill(Span<byte> destination);

    /// <summary>A number from 0 up to, not including, <paramref name="exclusiveMax"/>, which must be above 0.</summary>
    int Next(int exclusiveMax)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(exclusiveMax);
        return (int)((ulong)NextUInt32() * (uint)exclusiveMax >> 32);
    }

    /// <summary>Any 32-bit number.</summary>
    uint NextUInt32()
    {
        Span<byte> bytes = stackalloc byte[4];
        Fill(bytes);
        return BinaryPrimitives.ReadUInt32LittleEndian(bytes);
    }
}

/// <summary>The operating system's generator.</summary>
public sealed class SystemRandomSource : IRandomSource
{
    private const int Advance = 1024, MostFromIt = 64;

    private readonly Lock _gate = new();

    // Drawn in advance: a call of the system costs a microsecond however little it brings. Pinned: no copies left behind by the collector.
    private readonly byte[] _advance = GC.AllocateUninitializedArray<byte>(Advance, pinned: true);
    private int _left;

    /// <inheritdoc/>
    public void Fill(Span<byte> destination)
    {
        if (destination.Length > MostFromIt)
        {
            RandomNumberGenerator.Fill(destination);
            return;
        }
        lock (_gate)
        {
            if (_left < destination.Length)
            {
                RandomNumberGenerator.Fill(_advance);
                _left = Advance;
            }
            _left -= destination.Length;
            var next = _advance.AsSpan(_left, destination.Length);
            next.CopyTo(destination);
            CryptographicOperations.ZeroMemory(next); // said once, and to nobody who looks into our memory later
        }
    }
}
