using System.Buffers.Binary;

namespace PeopleSwarm.Dht.Messages;

/// <summary>IPv4 addresses as they lie in a datagram, borrowed from it.</summary>
internal readonly ref struct AddressArray(ReadOnlySpan<byte> bytes)
{
    /// <summary>Four octets and the port, little endian.</summary>
    public const int ItemSize = 6;

    private readonly ReadOnlySpan<byte> _bytes = bytes;

    public int Count => _bytes.Length / ItemSize;

    public UdpEndPoint this[int index] => Read(_bytes.Slice(index * ItemSize, ItemSize));

    /// <summary>The first <paramref name="limit"/> addresses, copied.</summary>
    public UdpEndPoint[] ToArray(int limit = int.MaxValue)
    {
        int count = Math.Min(Count, limit);
        if (count == 0) return [];
        var addresses = new UdpEndPoint[count];
        for (int i = 0; i < count; i++) addresses[i] = this[i];
        return addresses;
    }

    public Enumerator GetEnumerator() => new(this);

    public static UdpEndPoint Read(ReadOnlySpan<byte> bytes) =>
        new(BinaryPrimitives.ReadUInt32BigEndian(bytes), BinaryPrimitives.ReadUInt16LittleEndian(bytes[4..]));

    public static void Write(Span<byte> destination, in UdpEndPoint address)
    {
        BinaryPrimitives.WriteUInt32BigEndian(destination, address.IPv4);
        BinaryPrimitives.WriteUInt16LittleEndian(destination[4..], address.Port);
    }

    internal ref struct Enumerator(AddressArray array)
    {
        private readonly AddressArray _array = array;
        private int _index = -1;

        public readonly UdpEndPoint Current => _array[_index];

        public bool MoveNext() => ++_index < _array.Count;
    }
}
