namespace PeopleSwarm.Udx.Protocol;

/// <summary>Blocks of one packet each, shared by the streams of an endpoint; keeps a bounded number for the next use.</summary>
/// <param name="maxKept">Blocks kept: with fewer than one stream may hold at once, every burst of loss would allocate anew.</param>
internal sealed class BlockPool(int maxKept)
{
    public const int BlockSize = UdxPacket.MaxSize;

    private const long TrimInterval = 10_000_000;

    private readonly Stack<byte[]> _kept = new();
    private long _trimmedAt;
    private int _leastKept; // since the last trim: so many were not needed

    public int Kept => _kept.Count;

    public byte[] Rent()
    {
        if (!_kept.TryPop(out byte[]? block)) return GC.AllocateUninitializedArray<byte>(BlockSize);
        _leastKept = Math.Min(_leastKept, _kept.Count);
        return block;
    }

    /// <summary>Lets go of the blocks that nobody took since the last time; once in ten seconds at most.</summary>
    public void Trim(long now)
    {
        if (now - _trimmedAt < TrimInterval) return;
        for (; _leastKept > 0; _leastKept--) _kept.Pop();
        _kept.TrimExcess();
        (_trimmedAt, _leastKept) = (now, _kept.Count);
    }

    public void Return(byte[] block)
    {
        if (_kept.Count < maxKept) _kept.Push(block);
    }
}
