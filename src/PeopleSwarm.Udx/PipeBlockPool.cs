using System.Buffers;
using System.Numerics;

namespace PeopleSwarm.Udx;

/// <summary>
/// The blocks of the pipes of one transport. It keeps what a busy time needs for the next use, where the runtime's shared pool keeps
/// few and the rest is allocated anew, page by page; what nobody took for ten seconds is let go.
/// </summary>
/// <param name="maxKept">Bytes kept at most.</param>
internal sealed class PipeBlockPool(long maxKept) : MemoryPool<byte>
{
    private static readonly int s_sizes = BitOperations.Log2(PipeSegments.Largest / PipeSegments.Smallest) + 1;
    private static readonly TimeSpan s_trimInterval = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private readonly Stack<Block>[] _kept = [.. Enumerable.Range(0, s_sizes).Select(_ => new Stack<Block>())];
    private readonly int[] _leastKept = new int[s_sizes]; // since the last trim: so many were not needed
    private long _keptBytes;
    private bool _wasUsed;
    private Timestamp? _trimAt;

    public override int MaxBufferSize => PipeSegments.Largest;

    /// <summary>Bytes kept for the next use. Any thread.</summary>
    public long KeptBytes => Volatile.Read(ref _keptBytes);

    public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
    {
        int size = SizeOf(minBufferSize);
        lock (_gate)
        {
            _wasUsed = true;
            if (_kept[size].TryPop(out var block))
            {
                _keptBytes -= block.Memory.Length;
                _leastKept[size] = Math.Min(_leastKept[size], _kept[size].Count);
                return block;
            }
        }
        return new Block(this, size);
    }

    private void Return(Block block)
    {
        lock (_gate)
        {
            _wasUsed = true;
            if (_keptBytes + block.Memory.Length > maxKept) return;
            _keptBytes += block.Memory.Length;
            _kept[block.Size].Push(block);
        }
    }

    /// <summary>When <see cref="Trim"/> wants to be called; null while nothing is kept or used.</summary>
    public Timestamp? TrimAt(Timestamp now)
    {
        if (_trimAt is null && (KeptBytes > 0 || _wasUsed)) _trimAt = now + s_trimInterval;
        return _trimAt;
    }

    /// <summary>Lets go of the blocks that nobody took since the last time, if it is time.</summary>
    public void Trim(Timestamp now)
    {
        if (_trimAt is null || now < _trimAt) return;
        _trimAt = null;
        lock (_gate)
        {
            _wasUsed = false;
            for (int size = 0; size < s_sizes; size++)
            {
                for (; _leastKept[size] > 0; _leastKept[size]--) _keptBytes -= _kept[size].Pop().Memory.Length;
                _leastKept[size] = _kept[size].Count;
            }
        }
    }

    protected override void Dispose(bool disposing) { }

    private static int SizeOf(int bytes) =>
        BitOperations.Log2(BitOperations.RoundUpToPowerOf2((uint)Math.Clamp(bytes, PipeSegments.Smallest, PipeSegments.Largest)) / PipeSegments.Smallest);

    private sealed class Block(PipeBlockPool pool, int size) : IMemoryOwner<byte>
    {
        public int Size { get; } = size;

        public Memory<byte> Memory { get; } = GC.AllocateUninitializedArray<byte>(PipeSegments.Smallest << size);

        public void Dispose() => pool.Return(this);
    }
}
