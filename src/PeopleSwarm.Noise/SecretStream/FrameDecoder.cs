using System.Buffers;

namespace PeopleSwarm.Noise.SecretStream;

/// <summary>Whether a frame is there.</summary>
internal enum FrameStatus
{
    /// <summary>The input is used up.</summary>
    Incomplete,

    /// <summary>A whole frame can be taken.</summary>
    Complete,

    /// <summary>The announced length is above the limit; the stream cannot go on.</summary>
    TooLarge,
}

/// <summary>
/// Cuts a byte stream into frames, however it was split. The length is not authenticated, so the buffer grows as bytes arrive and
/// not by what was announced.
/// </summary>
internal sealed class FrameDecoder : IDisposable
{
    private byte[]? _buffer;
    private int _lengthBytes, _length, _filled;

    /// <summary>Whether part of a frame was read.</summary>
    public bool IsMidFrame => _lengthBytes != 0;

    /// <summary>Consumes input up to the end of one frame.</summary>
    public FrameStatus Read(ref ReadOnlySequence<byte> input, int maxLength)
    {
        if (_lengthBytes < Frame.LengthSize && !TryReadLength(ref input)) return FrameStatus.Incomplete;
        if (_length > maxLength) return FrameStatus.TooLarge;
        int count = (int)Math.Min(input.Length, _length - _filled);
        Reserve(_filled + count);
        input.Slice(0, count).CopyTo(_buffer.AsSpan(Frame.Headroom + _filled));
        input = input.Slice(count);
        _filled += count;
        return _filled == _length ? FrameStatus.Complete : FrameStatus.Incomplete;
    }

    /// <summary>Hands over the frame that is complete; its taker returns it.</summary>
    public Frame Take()
    {
        var frame = new Frame(_buffer!, _length);
        _buffer = null;
        _lengthBytes = _length = _filled = 0;
        return frame;
    }

    public void Dispose()
    {
        if (_buffer is not null) ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = null;
    }

    private bool TryReadLength(ref ReadOnlySequence<byte> input)
    {
        Span<byte> bytes = stackalloc byte[Frame.LengthSize];
        int count = (int)Math.Min(input.Length, Frame.LengthSize - _lengthBytes);
        input.Slice(0, count).CopyTo(bytes);
        input = input.Slice(count);
        for (int i = 0; i < count; i++) _length |= bytes[i] << 8 * _lengthBytes++;
        return _lengthBytes == Frame.LengthSize;
    }

    private void Reserve(int bytes)
    {
        int needed = Frame.Headroom + bytes;
        if (_buffer is not null && _buffer.Length >= needed) return;
        int doubled = Math.Min(Frame.Headroom + _length, 2 * (_buffer?.Length ?? 0));
        byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(needed, doubled));
        if (_buffer is not null)
        {
            _buffer.AsSpan(0, Frame.Headroom + _filled).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_buffer);
        }
        _buffer = larger;
    }
}
