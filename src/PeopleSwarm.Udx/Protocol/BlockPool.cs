namespace PeopleSwarm.Udx.Protocol;

/// <summary>Blocks of one packet each, shared by the streams of an endpoint; keeps a bounded number for the next use.</summary>
/// <param name="maxKept">Blocks kept: with fewer than one stream may hold at once, every burst of loss would allocate anew.</param>
internal sealed class BlockPool(int maxKept)
{
    public const int BlockSize = UdxPacket.MaxSize;

    private readonly Stack<byte[]> _kept = new();

    public byte[] Rent() => _kept.TryPop(out byte[]? block) ? block : GC.AllocateUninitializedArray<byte>(BlockSize);

    public void Return(byte[] block)
    {
        if (_kept.Count < maxKept) _kept.Push(block);
    }
}
