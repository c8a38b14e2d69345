using System.Text;
using System.Text.Json;
using CsCheck;

namespace PeopleSwarm.Dht.Messages;

public class CompactTests
{
    [Fact]
    public void Every_primitive_vector_encodes_and_decodes()
    {
        int checkedVectors = 0;
        var buffer = new byte[1024];
        foreach (var vector in RpcVectors.Vectors("primitives"))
        {
            var (type, value, hex) = (vector.Text("type"), vector.GetProperty("value"), vector.Text("hex"));
            var writer = new CompactWriter(buffer);
            var reader = new CompactReader(Convert.FromHexString(hex));
            bool decoded = RoundTrip(type, value, ref writer, ref reader);
            Assert.True(decoded, $"{type} {hex}");
            Assert.Equal(hex, Convert.ToHexStringLower(writer.Written));
            Assert.True(reader.Rest.IsEmpty, $"{type} {hex}");
            checkedVectors++;
        }
        Assert.Equal(52, checkedVectors);
    }

    private static bool RoundTrip(string type, JsonElement value, ref CompactWriter writer, ref CompactReader reader)
    {
        switch (type)
        {
            case "uint":
                writer.WriteUInt(value.GetInt64());
                Assert.Equal(writer.Length, CompactWriter.SizeOfUInt(value.GetInt64()));
                return reader.TryReadUInt(out long number) && number == value.GetInt64();
            case "uint16":
                writer.WriteUInt16(value.GetUInt16());
                return reader.TryReadUInt16(out ushort number16) && number16 == value.GetUInt16();
            case "uint32":
                writer.WriteUInt32(value.GetUInt32());
                return reader.TryReadUInt32(out uint number32) && number32 == value.GetUInt32();
            case "buffer" or "optionalBuffer":
                var bytes = value.ValueKind == JsonValueKind.Null ? [] : Convert.FromHexString(value.GetString()!);
                writer.WriteBuffer(bytes);
                return reader.TryReadBuffer(out var buffer) && buffer.SequenceEqual(bytes);
            case "string":
                var text = Encoding.UTF8.GetBytes(value.GetString()!);
                writer.WriteBuffer(text);
                return reader.TryReadBuffer(out var utf8) && utf8.SequenceEqual(text);
            case "fixed32":
                writer.WriteBytes(Convert.FromHexString(value.GetString()!));
                return reader.TryReadFixed32(out var fixed32) && fixed32.SequenceEqual(Convert.FromHexString(value.GetString()!));
            case "fixed64":
                writer.WriteBytes(Convert.FromHexString(value.GetString()!));
                return reader.TryReadFixed64(out var fixed64) && fixed64.SequenceEqual(Convert.FromHexString(value.GetString()!));
            case "bool":
                writer.WriteBool(value.GetBoolean());
                return reader.TryReadBool(out bool flag) && flag == value.GetBoolean();
            case "ipv4":
                var octets = System.Net.IPAddress.Parse(value.GetString()!).GetAddressBytes();
                writer.WriteBytes(octets);
                return reader.TryReadBytes(4, out var ipv4) && ipv4.SequenceEqual(octets);
            case "ipv4Address":
                writer.WriteIPv4Address(value.Address());
                return reader.TryReadIPv4Address(out var address4) && address4 == value.Address();
            case "ipv6Address":
                writer.WriteIPv6Address(value.Address());
                return reader.TryReadIPv6Address(out var address6) && address6 == value.Address();
            case "array<ipv4Address>":
                var addresses = value.EnumerateArray().Select(a => a.Address()).ToArray();
                writer.WriteArrayOfAddresses(addresses);
                Assert.Equal(writer.Length, CompactWriter.SizeOfAddresses(addresses.Length));
                return reader.TryReadArrayOfAddresses(out var array) && array.ToArray().SequenceEqual(addresses);
            default:
                throw new InvalidOperationException($"No test for vectors of type {type}.");
        }
    }

    [Fact]
    public void Over_long_integers_decode()
    {
        foreach (var vector in RpcVectors.Vectors("primitives_noncanonical"))
        {
            var reader = new CompactReader(vector.Bytes("hex"));
            Assert.True(reader.TryReadUInt(out long value));
            Assert.Equal(vector.GetProperty("decoded").GetInt64(), value);
        }
    }

    [Fact]
    public void Broken_primitives_do_not_decode_and_move_nothing()
    {
        int checkedVectors = 0;
        foreach (var vector in RpcVectors.Vectors("primitive_errors"))
        {
            var bytes = vector.Bytes("hex");
            var reader = new CompactReader(bytes);
            bool ok = vector.Text("type") switch
            {
                "uint" => reader.TryReadUInt(out _),
                "uint16" => reader.TryReadUInt16(out _),
                "buffer" => reader.TryReadBuffer(out _),
                "fixed32" => reader.TryReadFixed32(out _),
                "ipv4" => reader.TryReadBytes(4, out _),
                "array<ipv4Address>" => reader.TryReadArrayOfAddresses(out _),
                var type => throw new InvalidOperationException($"No test for vectors of type {type}."),
            };
            Assert.False(ok, vector.ToString());
            Assert.Equal(bytes.Length, reader.Rest.Length);
            checkedVectors++;
        }
        Assert.Equal(10, checkedVectors);
    }

    [Theory, InlineData("fdffff"), InlineData("feffffffff"), InlineData("ffffffffffffffffff"), InlineData("ffffffffffffff1f00"), InlineData("fe00001000")]
    public void A1_lengths_of_all_ones_are_undecodable_and_allocate_nothing(string length)
    {
        var bytes = Convert.FromHexString(length + "0102030405060708090a");
        Read(bytes);
        long before = GC.GetAllocatedBytesForCurrentThread();
        bool decoded = Read(bytes);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.False(decoded);
        Assert.Equal(0, allocated);

        static bool Read(byte[] bytes)
        {
            var buffer = new CompactReader(bytes);
            var addresses = new CompactReader(bytes);
            var count = new CompactReader(bytes);
            return buffer.TryReadBuffer(out _) | addresses.TryReadArrayOfAddresses(out _) | count.TryReadCount(1, out _);
        }
    }

    [Fact]
    public void A2_integers_above_2_to_the_53_minus_1_are_refused_on_both_sides()
    {
        var buffer = new byte[9];
        Assert.Throws<ArgumentOutOfRangeException>(() => new CompactWriter(buffer).WriteUInt(1L << 53));
        Assert.Throws<ArgumentOutOfRangeException>(() => new CompactWriter(buffer).WriteUInt(-1));
        var writer = new CompactWriter(buffer);
        writer.WriteUInt(CompactReader.MaxInteger);
        var reader = new CompactReader(writer.Written);
        Assert.True(reader.TryReadUInt(out long value));
        Assert.Equal((1L << 53) - 1, value);
    }

    [Fact]
    public void A4_mapped_addresses_are_written_as_the_IPv4_address_they_are()
    {
        var mapped = UdpEndPoint.From(System.Net.IPAddress.Parse("::ffff:1.2.3.4"), 1);
        var writer = new CompactWriter(new byte[6]);
        writer.WriteIPv4Address(mapped);
        Assert.Equal("010203040100", Convert.ToHexStringLower(writer.Written));
    }

    [Fact]
    public void Any_integer_survives_in_the_size_foretold() =>
        Gen.Long[0, CompactReader.MaxInteger].Sample(value =>
        {
            var writer = new CompactWriter(new byte[9]);
            writer.WriteUInt(value);
            var reader = new CompactReader(writer.Written);
            return writer.Length == CompactWriter.SizeOfUInt(value) && reader.TryReadUInt(out long read) && read == value;
        });
}
