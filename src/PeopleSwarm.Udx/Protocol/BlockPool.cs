namespace PeopleSwarm.Udx.Protocol;

/// <summary>Blocks of one packet each, shared by the streams of an endpoint; keeps a bounded number for the next use.</summary>
internal sealed class BlockPool
{
    public const int BlockSize = UdxPacket.MaxSize;
    private const int MaxKept = 2048; // 4 MiB, a full default window

    private readonly Stack<byte[]> _kept = new();

    public byte[] Rent() => _kept.TryPop(out byte[]? block) ? block : GC.AllocateUninitializedArray<byte>(BlockSize);

    public void Return(byte[] block)
    {
        if (_kept.Count < MaxKept) _kept.Push(block);
    }
}
