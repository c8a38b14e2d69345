using System.Text.RegularExpressions;

namespace PeopleSwarm.Architecture;

/// <summary>Whoever meets "spec udx, 5.6" in a comment finds it in docs/spec.md, and from there the code.</summary>
public partial class SpecificationTests
{
    private const string Index = "docs/spec.md";

    [Fact]
    public void Each_section_that_the_code_cites_is_in_the_index()
    {
        var sections = Sections();
        Breach.None(new[] { "src", "tests", "bench" }.SelectMany(Repository.SourceFiles)
            .SelectMany(file => Citations(Repository.Read(file)).Where(cited => !sections.Contains(cited)).Select(cited => $"{file} cites {cited}")));
    }

    [Theory]
    [InlineData("(spec udx, 5.6).", "udx 5.6")]
    [InlineData("Spec: dht-rpc, 5 and 9.7.", "dht-rpc 5|dht-rpc 9.7")]
    [InlineData("Spec: hyperswarm, 6 to 11.", "hyperswarm 6|hyperswarm 11")]
    [InlineData("Spec: udx, 5, 8 and 14. Safe on any thread", "udx 5|udx 8|udx 14")]
    [InlineData("(RFC 8899; spec udx, 12): data", "udx 12")]
    [InlineData("a machine (spec hyperdht)", "hyperdht ")]
    public void A_citation_names_a_page_and_its_sections(string comment, string cited) => Assert.Equal(cited.Split('|'), Citations(comment));

    [Fact]
    public void Sections_of_the_index_are_in_order_and_none_is_missing() => Breach.None(Pages().SelectMany(page =>
    {
        string[] sections = [.. Row().Matches(page.Groups["text"].Value).Select(row => row.Groups["section"].Value)];
        return sections.Zip(sections.Skip(1)).Where(pair => !Follows(pair.First, pair.Second))
            .Select(pair => $"{page.Groups["page"].Value}: {pair.Second} after {pair.First}");
    }));

    [Fact]
    public void Each_type_that_the_index_names_exists()
    {
        var types = Repository.Packages.SelectMany(package => Assemblies.Of(package).MainModule.GetTypes()).Select(type => type.Name.Split('`')[0]).ToHashSet();
        var named = Row().Matches(Repository.Read(Index)).SelectMany(row => Name().Matches(row.Groups["code"].Value)).Select(name => name.Groups["name"].Value).ToList();
        Assert.NotEmpty(named);
        Breach.None(named.Where(name => !types.Contains(name)));
    }

    private static IEnumerable<string> Citations(string text) => Citation().Matches(text)
        .SelectMany(m => m.Groups["section"].Captures.Select(c => c.Value).DefaultIfEmpty(""), (m, section) => $"{m.Groups["page"].Value} {section}");

    private static HashSet<string> Sections() => [.. Pages().SelectMany(page => Row().Matches(page.Groups["text"].Value)
        .Select(row => row.Groups["section"].Value).Prepend(""), (page, section) => $"{page.Groups["page"].Value} {section}")];

    private static MatchCollection Pages() => Page().Matches(Repository.Read(Index));

    // 5 is followed by 5.1 or 6, and 5.1 by 5.2 or 6.
    private static bool Follows(string section, string next)
    {
        int[] from = [.. section.Split('.').Select(int.Parse)], to = [.. next.Split('.').Select(int.Parse)];
        return to is [var chapter] ? chapter == from[0] + 1 : to[0] == from[0] && to[1] == (from is [_, var last] ? last + 1 : 1);
    }

    [GeneratedRegex(@"\b[Ss]pec:? (?<page>[a-z-]+)(, (?<section>[a-z]+|\d+(\.\d+)?)((, | and | to )(?<section>\d+(\.\d+)?))*)?")]
    private static partial Regex Citation();

    [GeneratedRegex(@"^## (?<page>[a-z-]+)\n(?<text>.*?)(?=^## |\z)", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex Page();

    [GeneratedRegex(@"^\| (?<section>\d+(\.\d+)?) \|[^|]+\|[^|]+\|(?<code>[^|]+)\|$", RegexOptions.Multiline)]
    private static partial Regex Row();

    [GeneratedRegex("`(?<name>[A-Z][A-Za-z0-9]+)`")]
    private static partial Regex Name();
}
