namespace PeopleSwarm.Udx.Protocol;

/// <summary>Payloads ahead of a gap, each in a pooled block; bounded in bytes of memory and in distance.</summary>
internal sealed class ReorderBuffer(BlockPool blocks, int maxBytes)
{
    private readonly record struct Slot(byte[]? Block, int Length, bool IsEnd, bool IsUsed);

    private readonly int _maxDistance = Math.Clamp((int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)maxBytes / 512), 4096, 1 << 18);
    private Slot[] _slots = [];

    /// <summary>What is held, as blocks for acknowledgements.</summary>
    public SackRanges Ranges { get; } = new();

    /// <summary>Memory held, in bytes.</summary>
    public int Bytes { get; private set; }

    /// <summary>Payload held, in bytes.</summary>
    public int PayloadBytes { get; private set; }

    /// <summary>Stores a packet; false if it lies too far ahead or no memory is left for it. A packet held already is not new.</summary>
    public bool TryAdd(uint next, uint seq, ReadOnlySpan<byte> payload, bool isEnd, out bool isNew)
    {
        isNew = false;
        int distance = SeqNumber.Distance(next, seq);
        int size = payload.Length > 0 ? BlockPool.BlockSize : 0;
        if (distance >= _maxDistance || Bytes + size > maxBytes) return false;
        if (distance >= _slots.Length) Grow(next, distance);
        ref var slot = ref _slots[seq & (uint)(_slots.Length - 1)];
        if (slot.IsUsed) return true;
        isNew = true;
        byte[]? block = null;
        if (size > 0)
        {
            block = blocks.Rent();
            payload.CopyTo(block);
            Bytes += size;
            PayloadBytes += payload.Length;
        }
        slot = new(block, payload.Length, isEnd, true);
        Ranges.Add(seq);
        return true;
    }

    /// <summary>Takes a packet out; its block goes back by <see cref="Return"/>.</summary>
    public bool TryTake(uint seq, out byte[]? block, out int length, out bool isEnd)
    {
        (block, length, isEnd) = (null, 0, false);
        if (Ranges.Count == 0) return false;
        ref var slot = ref _slots[seq & (uint)(_slots.Length - 1)];
        if (!slot.IsUsed) return false;
        (block, length, isEnd) = (slot.Block, slot.Length, slot.IsEnd);
        slot = default;
        Ranges.RemoveBefore(seq + 1);
        return true;
    }

    public void Return(byte[]? block, int length)
    {
        if (block is null) return;
        PayloadBytes -= length;
        Bytes -= BlockPool.BlockSize;
        blocks.Return(block);
    }

    public void Clear()
    {
        foreach (var slot in _slots) Return(slot.Block, slot.Length);
        _slots = [];
        Ranges.Clear();
    }

    private void Grow(uint next, int distance)
    {
        var slots = new Slot[System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Max(16, distance + 1))];
        foreach (var range in Ranges.Ranges)
        {
            for (uint seq = range.Start; seq != range.End; seq++)
                slots[seq & (uint)(slots.Length - 1)] = _slots[seq & (uint)(_slots.Length - 1)];
        }
        _slots = slots;
    }
}
