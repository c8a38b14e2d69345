using System.Text.Json;
using PeopleSwarm.Dht.Messages;

namespace PeopleSwarm.Dht.HolePunch;

public class HolepunchPayloadTests
{
    private static readonly JsonElement s_vectors =
        JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Vectors", "hyperdht.json"))).RootElement.GetProperty("holepunch_payload");

    [Fact]
    public void All_vectors_decode_and_encode_to_the_same_bytes()
    {
        int checkedVectors = 0;
        foreach (var vector in s_vectors.GetProperty("vectors").EnumerateArray())
        {
            byte[] bytes = vector.Bytes("hex");
            Assert.True(HolepunchPayload.TryRead(bytes, out var payload), vector.Text("name"));
            var expected = vector.GetProperty("decoded");
            Assert.Equal(expected.Int("firewall"), (int)payload.Firewall);
            Assert.Equal(expected.Int("round"), payload.Round);
            Assert.Equal(expected.GetProperty("punching").GetBoolean(), payload.IsPunching);
            Assert.Equal(expected.GetProperty("connected").GetBoolean(), payload.IsConnected);
            Assert.Equal(expected.OptionalBytes("token"), payload.Token?.ToArray());
            Assert.Equal(expected.OptionalBytes("remoteToken"), payload.RemoteToken?.ToArray());
            Assert.Equal(bytes, payload.Encode());
            checkedVectors++;
        }
        Assert.Equal(7, checkedVectors);
    }

    [Fact]
    public void Every_truncation_is_refused()
    {
        foreach (var vector in s_vectors.GetProperty("vectors").EnumerateArray())
        {
            byte[] bytes = vector.Bytes("hex");
            for (int length = 0; length < bytes.Length; length++) Assert.False(HolepunchPayload.TryRead(bytes.AsSpan(0, length), out _));
        }
    }
}
