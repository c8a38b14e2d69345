using BenchmarkDotNet.Attributes;
using PeopleSwarm.Udx.Protocol;

namespace PeopleSwarm.Benchmarks.Udx;

/// <summary>Headers and acknowledgement blocks; expected to allocate nothing.</summary>
[MemoryDiagnoser]
public class PacketBenchmarks
{
    private const int Packets = 1000;

    private readonly byte[] _packet = new byte[1472], _blocks = new byte[SackRanges.MaxBlocks * SackRange.Size];
    private readonly UdxHeader _header = new(PacketTypes.Data, 0, 7, 1 << 20, 100, 50);
    private readonly SackRanges _ranges = new();
    private uint _next = 1;

    [GlobalSetup]
    public void Setup() => _header.Write(_packet);

    [Benchmark]
    public byte WriteHeader()
    {
        _header.Write(_packet);
        return _packet[^1];
    }

    [Benchmark]
    public uint ReadPacket() => UdxPacket.TryParse(_packet, out var packet) ? packet.Header.Seq + (uint)packet.Payload.Length : 0;

    /// <summary>A thousand numbers with every tenth missing, an acknowledgement of the blocks, and the gaps filled.</summary>
    [Benchmark(OperationsPerInvoke = Packets)]
    public int TrackAThousandNumbers()
    {
        for (uint i = 0; i < Packets; i++)
            if (i % 10 != 0) _ranges.Add(_next + i);
        int written = _ranges.Write(_blocks);
        _next += Packets;
        _ranges.RemoveBefore(_next);
        return written;
    }
}
