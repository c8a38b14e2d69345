namespace PeopleSwarm.Dht.Rpc;

public class BootstrapEntryTests
{
    [Theory]
    [InlineData("88.99.3.86@node1.hyperdht.org:49737")]
    [InlineData("node1.hyperdht.org:49737")]
    [InlineData("127.0.0.1:1")]
    [InlineData("localhost:49737")]
    public void Entries_read_and_print_the_same(string text)
    {
        Assert.True(BootstrapEntry.TryParse(text, out var entry));
        Assert.Equal(text, entry!.ToString());
    }

    [Theory]
    [InlineData(null), InlineData(""), InlineData("node1"), InlineData("node1:"), InlineData("node1:0"), InlineData("node1:70000")]
    [InlineData(":49737"), InlineData("1.2.3@name:1"), InlineData("1.2.3.4@:1"), InlineData("a b:1"), InlineData("1.2.3.4@5.6.7.8:1"), InlineData("node1:-1")]
    public void Anything_else_is_refused(string? text) => Assert.False(BootstrapEntry.TryParse(text, out _));
}
