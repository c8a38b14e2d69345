using BenchmarkDotNet.Attributes;
using PeopleSwarm.Dht.Messages;

namespace PeopleSwarm.Benchmarks.Dht;

/// <summary>Requests and responses of the RPC layer, to bytes and back; expected to allocate nothing.</summary>
[MemoryDiagnoser]
public class RpcMessageBenchmarks
{
    private readonly byte[] _buffer = new byte[1024], _request = new byte[1024], _response = new byte[1024];
    private readonly byte[] _token = new byte[32], _value = new byte[100];
    private readonly NodeId _id = new(Enumerable.Range(0, 32).Select(i => (byte)i).ToArray());
    private readonly UdpEndPoint[] _nodes = [.. Enumerable.Range(1, 20).Select(i => new UdpEndPoint((uint)(0x0500_0000 + i), (ushort)(1000 + i)))];
    private int _requestLength, _responseLength;

    [GlobalSetup]
    public void Setup()
    {
        _requestLength = Write(_request);
        _responseLength = WriteResponse(_response);
    }

    [Benchmark]
    public int WriteRequest() => Write(_buffer);

    [Benchmark]
    public int ReadRequest() => RpcRequestMessage.TryRead(_request.AsSpan(0, _requestLength), out var message) ? message.Tid : -1;

    [Benchmark]
    public int WriteResponse() => WriteResponse(_buffer);

    [Benchmark]
    public int ReadResponse() => RpcResponseMessage.TryRead(_response.AsSpan(0, _responseLength), out var message) ? message.Tid : -1;

    private int Write(Span<byte> destination)
    {
        RpcRequestMessage message = new() { Tid = 7, To = _nodes[0], Id = _id, Token = _token, Command = PeerCommand.Announce, Target = _id, HasValue = true, Value = _value };
        message.Write(destination);
        return message.Size;
    }

    private int WriteResponse(Span<byte> destination)
    {
        RpcResponseMessage message = new() { Tid = 7, To = _nodes[0], Id = _id, Token = _token, HasValue = true, Value = _value };
        return message.Write(destination, _nodes);
    }
}
