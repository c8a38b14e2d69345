using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using PeopleSwarm.Throughput.Peers;

namespace PeopleSwarm.Throughput.Dht;

/// <summary>
/// A process that sends forged datagrams to a listening node at a steady rate, from many addresses: first messages of handshakes for its key,
/// requests with made-up tokens, announcements and mutable values with a token of the node's and a forged signature, and packets of
/// unknown streams. Spec dht-rpc, 4; spec hyperdht, 3.
/// </summary>
internal sealed class Flood
{
    private const int Sockets = 64, TokenSize = 32, HeaderSize = 10, Kinds = 5;
    private const byte Request = 0x03, Response = 0x13, HasId = 1, HasToken = 2, HasTarget = 8, HasValue = 16;
    private const byte Handshake = 0, Lookup = 3, Announce = 4, MutablePut = 6;

    private readonly Random _random = new(1);
    private readonly Source[] _sources;
    private readonly IPEndPoint _node;
    private readonly byte[] _keyHash = new byte[32], _forgedKey, _forgedKeyHash = new byte[32], _buffer = new byte[2048];

    private Flood(int port, PublicKey publicKey)
    {
        _node = new(IPAddress.Loopback, port);
        using var noise = new ServiceCollection().AddNoise().BuildServiceProvider();
        var crypto = noise.GetRequiredService<ICryptoSuite>();
        Span<byte> key = stackalloc byte[PublicKey.Size];
        publicKey.CopyTo(key);
        crypto.Hash(key, _keyHash);
        _forgedKey = Noise(32);
        crypto.Hash(_forgedKey, _forgedKeyHash);
        _sources = [.. Enumerable.Range(0, Sockets).Select(i => new Source(Open(i)))];
    }

    /// <summary>Sends at the rate it is told, nothing at first; tells what it sent, and what that cost it, since it was told the last one.</summary>
    public static async Task RunAsync(JsonObject args)
    {
        var flood = new Flood((int)args["port"]!, PublicKey.Parse((string)args["publicKey"]!));
        using var self = Process.GetCurrentProcess();
        PeerLines.Emit("ready");
        while (true)
        {
            int perMinute = (int)(await PeerLines.ReadAsync())["perMinute"]!;
            using var stop = new CancellationTokenSource();
            var sending = Task.Run(() => flood.Send(perMinute, stop.Token));
            self.Refresh();
            var (cpu, clock) = (self.TotalProcessorTime, Stopwatch.StartNew());
            await PeerLines.ReadAsync();
            self.Refresh();
            double share = (self.TotalProcessorTime - cpu) / clock.Elapsed;
            await stop.CancelAsync();
            PeerLines.Emit("stopped", new() { ["perMinute"] = await sending, ["processor"] = share });
        }
    }

    /// <summary>Sends until it is stopped; returns the rate it had.</summary>
    private double Send(int perMinute, CancellationToken stop)
    {
        var clock = Stopwatch.StartNew();
        long sent = 0;
        while (!stop.IsCancellationRequested)
        {
            for (long due = (long)(clock.Elapsed.TotalMinutes * perMinute); sent < due; sent++) Send(_sources[sent / Kinds % Sockets], (int)(sent % Kinds));
            foreach (var source in _sources) Hear(source);
            Thread.Sleep(5);
        }
        return sent / clock.Elapsed.TotalMinutes;
    }

    private void Send(Source source, int kind) => source.Socket.Send(kind switch
    {
        // An ephemeral key and the rest of a first message, all made up: read as far as the first tag that does not fit.
        0 => Message(Handshake, _keyHash, token: [], value: [0, 0, 150, .. Noise(150)]),
        1 => Message(Lookup, Noise(32), Noise(TokenSize), value: null),
        2 => Message(Announce, Noise(32), source.Token, value: [1 | 4, .. Noise(32), 0, .. Noise(64)]), // a record without relays, a signature
        3 => Message(MutablePut, _forgedKeyHash, source.Token, value: [.. _forgedKey, 1, 100, .. Noise(100), .. Noise(64)]), // sequence number 1
        _ => [0xFF, 1, 1, 0, .. Noise(16), .. Noise(1000)], // data for a stream nobody has
    });

    /// <summary>Answers bring tokens of the node, for the address they went to.</summary>
    private void Hear(Source source)
    {
        while (source.Socket.Available > 0)
        {
            var answer = _buffer.AsSpan(0, source.Socket.Receive(_buffer));
            if (answer.Length < HeaderSize || answer[0] != Response || (answer[1] & HasToken) == 0) continue;
            int at = HeaderSize + ((answer[1] & HasId) != 0 ? 32 : 0);
            if (answer.Length >= at + TokenSize) answer.Slice(at, TokenSize).CopyTo(source.Token);
        }
    }

    private byte[] Message(byte command, byte[] target, byte[] token, byte[]? value)
    {
        byte flags = (byte)(HasTarget | (token.Length == 0 ? 0 : HasToken) | (value is null ? 0 : HasValue));
        byte[] head = [Request, flags, .. Noise(2), 127, 0, 0, 1, (byte)_node.Port, (byte)(_node.Port >> 8), .. token, command, .. target];
        if (value is null) return head;
        return value.Length < 0xFD ? [.. head, (byte)value.Length, .. value] : [.. head, 0xFD, (byte)value.Length, (byte)(value.Length >> 8), .. value];
    }

    private byte[] Noise(int length)
    {
        byte[] bytes = new byte[length];
        _random.NextBytes(bytes);
        return bytes;
    }

    private Socket Open(int number)
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        // Every address of 127/8 is this machine's on Linux and Windows.
        socket.Bind(new IPEndPoint(OperatingSystem.IsMacOS() ? IPAddress.Loopback : new IPAddress([127, 9, (byte)number, 1]), 0));
        socket.Connect(_node);
        return socket;
    }

    private sealed record Source(Socket Socket)
    {
        public byte[] Token { get; } = new byte[TokenSize];
    }
}
