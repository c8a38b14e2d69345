using System.Diagnostics;
using System.Text.RegularExpressions;

namespace PeopleSwarm.Cli;

public partial class DemoTests
{
    [Fact]
    public async Task Two_swarms_meet_and_talk_within_five_seconds()
    {
        long started = Stopwatch.GetTimestamp();
        var (code, output, errors) = await CliProcess.RunAsync("demo");
        var took = Stopwatch.GetElapsedTime(started);

        Assert.Equal((0, ""), (code, errors));
        Assert.Contains("publicKey ca93ac1705187071d67b83c7ff0efe8108e8ec4530575d7726879333dbdabe7c", output, StringComparison.Ordinal);
        Assert.Contains("publicKey 6e7a1cdd29b0b78fd13af4c5598feff4ef2a97166e3ca6f2e4fbfccd80505bf1", output, StringComparison.Ordinal);
        var hashes = HandshakeHash().Matches(output).Select(m => m.Groups[1].Value).ToArray();
        Assert.Equal(2, hashes.Length);
        Assert.Equal(hashes[0], hashes[1]);
        Assert.Contains("alice heard    hello alice, this is bob", output, StringComparison.Ordinal);
        Assert.Contains("bob heard      hello bob, this is alice", output, StringComparison.Ordinal);
        Assert.InRange(took, TimeSpan.Zero, TimeSpan.FromSeconds(5));
    }

    [GeneratedRegex("handshake hash +([0-9a-f]{128})")]
    private static partial Regex HandshakeHash();
}
