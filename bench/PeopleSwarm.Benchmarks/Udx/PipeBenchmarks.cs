using System.Buffers;
using System.IO.Pipelines;
using BenchmarkDotNet.Attributes;
using PeopleSwarm.Udx;

namespace PeopleSwarm.Benchmarks.Udx;

/// <summary>What an application writes on its way into packets, and packets on their way to a reader; expected to allocate nothing.</summary>
[MemoryDiagnoser]
public class PipeBenchmarks
{
    private const int PacketPayload = 1452, Packets = 45, Block = PacketPayload * Packets; // about 64 KiB

    private readonly byte[] _data = new byte[Block], _packet = new byte[PacketPayload];
    private SignalStack _signals = null!;
    private SendPipe _send = null!;
    private ReceivePipe _receive = null!;

    [GlobalSetup]
    public void Setup()
    {
        PipeOptions options = new(new PipeBlockPool(1024 * 1024), readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.Inline, minimumSegmentSize: 64 * 1024,
            pauseWriterThreshold: 0, resumeWriterThreshold: 0, useSynchronizationContext: false);
        _signals = new(static () => { }, static () => { });
        _send = new(options, new StreamSignal(_signals, null!), new SendShares(), 1024 * 1024);
        _receive = new(options, new StreamSignal(_signals, null!), signalBytes: 512 * 1024);
    }

    /// <summary>Written, flushed, copied into packets and acknowledged.</summary>
    [Benchmark(OperationsPerInvoke = Packets)]
    public long Send()
    {
        _data.CopyTo(_send.Output.GetSpan(Block));
        _send.Output.Advance(Block);
        Complete(_send.Output.FlushAsync());
        TakeSignals();
        _send.Refresh(default);
        for (long offset = _send.End - Block; offset < _send.End; offset += PacketPayload) _send.CopyTo(offset, _packet);
        _send.Release(_send.End);
        _send.Refresh(default);
        return _send.End;
    }

    /// <summary>Delivered by packets, flushed once, read and consumed.</summary>
    [Benchmark(OperationsPerInvoke = Packets)]
    public long Receive()
    {
        for (int i = 0; i < Packets; i++) _receive.Write(_packet);
        TakeSignals();
        _receive.Flush();
        _receive.Input.TryRead(out var result);
        long length = result.Buffer.Length;
        _receive.Input.AdvanceTo(result.Buffer.End);
        return length;
    }

    private static void Complete(ValueTask<FlushResult> flush)
    {
        if (!flush.IsCompletedSuccessfully) throw new InvalidOperationException("The flush waits although nothing bounds the pipe.");
        _ = flush.Result;
    }

    private void TakeSignals()
    {
        for (var signal = _signals.TakeAll(); signal is not null;)
        {
            var next = signal.Next;
            signal.Take();
            signal = next;
        }
    }
}
