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
    /// <inheritdoc/>
    public void Fill(Span<byte> destination) => RandomNumberGenerator.Fill(destination);
}
