using System.Text;

namespace PeopleSwarm.Dht.Messages;

public class PluginMessageTests
{
    [Fact]
    public void Vectors_are_read_and_made_again()
    {
        Assert.NotEmpty(PeerVectors.Vectors("plugin_request"));
        foreach (var vector in PeerVectors.Vectors("plugin_request"))
        {
            var bytes = Convert.FromHexString(vector.GetProperty("hex").GetString()!);
            var wanted = vector.GetProperty("value");
            Assert.True(PluginMessage.TryRead(bytes, out var message));
            Assert.Equal(wanted.GetProperty("plugin").GetString(), Encoding.UTF8.GetString(message.Name));
            Assert.Equal((wanted.GetProperty("version").GetInt64(), wanted.GetProperty("command").GetInt64()), (message.Version, message.Command));
            Assert.Equal(wanted.GetProperty("value").GetString(), message.HasValue ? PeerVectors.Hex(message.Value.ToArray()) : null);
            Assert.Equal(bytes, message.Encode());
            for (int length = 0; length < bytes.Length; length++) Assert.False(PluginMessage.TryRead(bytes.AsSpan(0, length), out _));
        }
    }
}
