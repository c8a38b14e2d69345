using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace PeopleSwarm.Throughput;

/// <summary>The link as a UDP proxy on loopback: each side sends to its port of the proxy and hears the other from there.</summary>
/// <remarks>One thread looks every millisecond, far finer than the delays that are measured.</remarks>
internal sealed class LinkProxy : IDisposable
{
    private readonly Direction _there, _back;
    private readonly Socket _diallerSide = Bind(), _listenerSide = Bind();
    private readonly Thread _thread;
    private volatile bool _isStopped;

    public LinkProxy(LinkProfile link, int diallerPort, int listenerPort, int seed)
    {
        _there = new(link, _diallerSide, _listenerSide, listenerPort, seed);
        _back = new(link, _listenerSide, _diallerSide, diallerPort, seed + 1);
        _thread = new(Run) { IsBackground = true, Name = "link" };
        _thread.Start();
    }

    /// <summary>Where the dialling side sends to.</summary>
    public int DiallerPort => ((IPEndPoint)_diallerSide.LocalEndPoint!).Port;

    /// <summary>Where the listening side sends to.</summary>
    public int ListenerPort => ((IPEndPoint)_listenerSide.LocalEndPoint!).Port;

    /// <summary>Time that 95 % of the dialling side's datagrams waited at most in the queue, in milliseconds.</summary>
    public double QueueP95
    {
        get
        {
            Stop();
            return _there.WaitPercentile(0.95);
        }
    }

    public void Dispose()
    {
        Stop();
        _diallerSide.Dispose();
        _listenerSide.Dispose();
    }

    private void Stop()
    {
        _isStopped = true;
        _thread.Join();
    }

    private void Run()
    {
        while (!_isStopped)
        {
            long now = Stopwatch.GetTimestamp();
            _there.Take(now);
            _back.Take(now);
            _there.Deliver(now);
            _back.Deliver(now);
            Thread.Sleep(1);
        }
    }

    private static Socket Bind()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp)
        {
            Blocking = false,
            ReceiveBufferSize = 8 * 1024 * 1024,
            SendBufferSize = 8 * 1024 * 1024,
        };
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return socket;
    }

    /// <summary>One way through the link.</summary>
    private sealed class Direction(LinkProfile link, Socket from, Socket to, int port, int seed)
    {
        private const int MaxDatagram = 2048;

        private readonly Random _random = new(seed);
        private readonly SocketAddress _target = new IPEndPoint(IPAddress.Loopback, port).Serialize(), _source = new(AddressFamily.InterNetwork);
        private readonly Queue<(long Due, byte[] Block, int Length)> _flying = new();
        private readonly Stack<byte[]> _blocks = new();
        private readonly List<double> _waits = [];
        private readonly long _delay = (long)(link.RoundTrip.TotalSeconds / 2 * Stopwatch.Frequency);
        private readonly double _ticksPerByte = Stopwatch.Frequency / link.BytesPerSecond;
        private readonly byte[] _buffer = new byte[64 * 1024];
        private long _freeAt; // when the bottleneck has sent all that is in the queue

        public void Take(long now)
        {
            while (from.Available > 0)
            {
                int length = from.ReceiveFrom(_buffer, SocketFlags.None, _source);
                if (length > MaxDatagram) continue;
                long wait = Math.Max(0, _freeAt - now);
                if (wait / _ticksPerByte > link.QueueBytes) continue; // the queue is full
                _waits.Add(wait * 1000.0 / Stopwatch.Frequency);
                _freeAt = Math.Max(now, _freeAt) + (long)((length + LinkProfile.HeaderBytes) * _ticksPerByte);
                if (_random.NextDouble() < link.Loss) continue;
                var block = _blocks.TryPop(out var kept) ? kept : new byte[MaxDatagram];
                _buffer.AsSpan(0, length).CopyTo(block);
                _flying.Enqueue((_freeAt + _delay, block, length));
            }
        }

        public void Deliver(long now)
        {
            while (_flying.TryPeek(out var next) && next.Due <= now)
            {
                _flying.Dequeue();
                try
                {
                    to.SendTo(next.Block.AsSpan(0, next.Length), SocketFlags.None, _target);
                }
                catch (SocketException error) when (error.SocketErrorCode is SocketError.WouldBlock or SocketError.ConnectionRefused)
                {
                    Console.Error.WriteLine($"The link could not deliver a datagram: {error.SocketErrorCode}.");
                }
                _blocks.Push(next.Block);
            }
        }

        public double WaitPercentile(double share)
        {
            if (_waits.Count == 0) return 0;
            _waits.Sort();
            return _waits[(int)((_waits.Count - 1) * share)];
        }
    }
}
