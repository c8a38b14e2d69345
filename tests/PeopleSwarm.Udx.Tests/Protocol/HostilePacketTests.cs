using CsCheck;
using PeopleSwarm.Testing;

namespace PeopleSwarm.Udx.Protocol;

public class HostilePacketTests
{
    private static readonly Gen<uint> s_nearNumbers = Gen.OneOf(Gen.UInt[0, 40], Gen.UInt, Gen.Const(uint.MaxValue), Gen.Const(0x7FFFFFFFu));

    private static readonly Gen<byte[]> s_packets = Gen.Select(Gen.Byte, Gen.OneOf(Gen.Const((byte)0), Gen.Byte), s_nearNumbers, s_nearNumbers, s_nearNumbers,
        Gen.Byte.Array[0, 100], (types, offset, window, seq, ack, rest) =>
        {
            byte[] packet = new byte[UdxHeader.Size + rest.Length];
            new UdxHeader((PacketTypes)(types & 0x6F), offset, RawPeer.LocalId, window, seq, ack).Write(packet); // DESTROY has its own test
            rest.CopyTo(packet, UdxHeader.Size);
            return packet;
        });

    private enum Kind
    {
        Packet,
        Write,
        Read,
        Wait,
        Move,
        Message,
    }

    [Fact]
    public void Nothing_that_arrives_throws_or_breaks_the_bounds() =>
        Gen.Select(Gen.Enum<Kind>(), s_packets, Gen.Int[0, 3000]).Array[1, 120].Sample(steps =>
        {
            var options = new UdxOptions { ReceiveWindow = 64 * 1024, MaxReorderBytes = 64 * 1024 };
            var peer = new RawPeer(options);
            peer.Stream.IsReading = false;
            foreach (var (kind, packet, number) in steps)
            {
                if (peer.Stream.Closed is not null) return;
                switch (kind)
                {
                    case Kind.Packet: peer.Receive(packet); break;
                    case Kind.Write: peer.Stream.Write(peer.Now, new byte[number]); break;
                    case Kind.Read: peer.Stream.ReadAll(peer.Now); break;
                    case Kind.Wait: peer.Advance(TimeSpan.FromMilliseconds(number)); break;
                    case Kind.Move: peer.Machine.ChangeRemote(peer.Now, new(number), RawPeer.RemoteId, UdpEndPoint.Loopback((ushort)(number + 1))); break;
                    default: peer.Machine.TrySendMessage(peer.Now, packet); break;
                }
                peer.Poll();
                Assert.InRange(peer.Stream.UnreadBytes, 0, 64 * 1024 + 64 * 1024 + 2048);
                Assert.True(peer.Machine.BytesAcknowledged <= peer.Stream.End);
            }
        }, iter: 2000);

    [Fact]
    public void A_transfer_stands_bit_errors_outside_the_payload()
    {
        // Payload is not protected by UDX; the layer above notices. Numbers, flags and windows are mangled here.
        for (int seed = 1; seed <= 5; seed++)
        {
            var random = new SeededRandom(seed);
            var pair = new StreamPair(seed, link: new() { Latency = TimeSpan.FromMilliseconds(5), LossRate = 0.02 });
            pair.Alice.Write(pair.Net.Now, StreamPair.Pattern(200_000), end: true);
            pair.Bob.EndWriting(pair.Net.Now);
            byte[] packet = new byte[UdxHeader.Size];
            for (int i = 0; i < 300 && !pair.BothClosed; i++)
            {
                pair.Net.RunFor(TimeSpan.FromMilliseconds(1));
                new UdxHeader((PacketTypes)(random.Next(4) == 0 ? 0x20 : 0x04), (byte)random.Next(30), 11, random.NextUInt32(), random.NextUInt32(), random.NextUInt32()).Write(packet);
                pair.Alice.Endpoint.Receive(pair.Net.Now, packet, new(new(0x05000002, 2000), default));
            }
            pair.Net.Expect(() => pair.BothClosed, TimeSpan.FromSeconds(60));
            pair.AssertDelivered();
        }
    }
}
