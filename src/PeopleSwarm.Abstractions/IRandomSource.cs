using System.Buffers.Binary;
using System.Runtime.InteropServices;
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
    private const int Numbers = 64;

    private readonly Lock _gate = new();
    private readonly uint[] _numbers = new uint[Numbers]; // drawn in advance: a call of the system costs a microsecond however little it brings
    private int _left;

    /// <inheritdoc/>
    public void Fill(Span<byte> destination) => RandomNumberGenerator.Fill(destination);

    /// <inheritdoc/>
    public uint NextUInt32()
    {
        lock (_gate)
        {
            if (_left == 0)
            {
                RandomNumberGenerator.Fill(MemoryMarshal.AsBytes(_numbers.AsSpan()));
                _left = Numbers;
            }
            uint number = _numbers[--_left];
            _numbers[_left] = 0; // said once, and to nobody who looks into our memory later
            return number;
        }
    }
}
