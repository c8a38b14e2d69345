namespace PeopleSwarm.Cli;

public class KeygenTests
{
    [Theory]
    [InlineData("04", "ca93ac1705187071d67b83c7ff0efe8108e8ec4530575d7726879333dbdabe7c")]
    [InlineData("05", "6e7a1cdd29b0b78fd13af4c5598feff4ef2a97166e3ca6f2e4fbfccd80505bf1")]
    public async Task The_key_pair_follows_from_the_seed(string seedByte, string publicKey)
    {
        string seed = string.Concat(Enumerable.Repeat(seedByte, 32));
        var (code, output, errors) = await CliProcess.RunAsync("keygen", "--seed", seed);
        Assert.Equal((0, "", $"publicKey {publicKey}\nsecretKey {seed}{publicKey}\nseed {seed}"), (code, errors, output));
    }

    [Fact]
    public async Task Without_a_seed_each_key_pair_is_another()
    {
        var first = await CliProcess.RunAsync("keygen");
        var second = await CliProcess.RunAsync("keygen");
        Assert.Equal((0, 0), (first.Code, second.Code));
        Assert.Matches("^publicKey [0-9a-f]{64}\nsecretKey [0-9a-f]{128}\nseed [0-9a-f]{64}$", first.Output);
        Assert.NotEqual(first.Output, second.Output);
    }
}
