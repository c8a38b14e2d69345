using System.Text.RegularExpressions;

namespace PeopleSwarm.Architecture;

/// <summary>What the documents show is compiled, and what they point at exists.</summary>
public partial class DocumentationTests
{
    public static TheoryData<string> Documents => [.. new[] { "README.md", "CONTRIBUTING.md", "bench/README.md" }
        .Concat(Directory.EnumerateFiles(Path.Combine(Repository.Root, "docs"), "*.md").Select(f => $"docs/{Path.GetFileName(f)}"))
        .Concat(Repository.Packages.Select(package => $"src/{package}/README.md"))];

    [Theory, MemberData(nameof(Documents))]
    public void Each_program_in_a_readme_names_the_file_it_is_from(string document)
    {
        if (!document.EndsWith("README.md", StringComparison.Ordinal)) return;
        Assert.Equal(CodeBlock().Count(Repository.Read(document)), SampleBlock().Count(Repository.Read(document)));
    }

    [Theory, MemberData(nameof(Documents))]
    public void Each_paragraph_of_a_shown_program_is_in_its_file(string document) => Breach.None(SampleBlock().Matches(Repository.Read(document))
        .SelectMany(block => Paragraphs(block.Groups["code"].Value).Select(paragraph => (File: block.Groups["file"].Value, paragraph)))
        .Where(shown => !WithoutIndents(Repository.Read(shown.File)).Contains(WithoutIndents(shown.paragraph), StringComparison.Ordinal))
        .Select(shown => $"{document} shows what is not in {shown.File}:\n{shown.paragraph}"));

    [Theory, MemberData(nameof(Documents))]
    public void What_a_document_links_to_exists(string document) => Breach.None(Link().Matches(Repository.Read(document))
        .Select(link => link.Groups["path"].Value).Where(path => !path.Contains("://", StringComparison.Ordinal))
        .Where(path => !Path.Exists(Path.Combine(Repository.Root, Path.GetDirectoryName(document)!, path))));

    [Fact]
    public void Each_test_that_guards_against_a_pitfall_exists()
    {
        string[] tests = [.. Repository.SourceFiles("tests").SelectMany(file => TestMethod().Matches(Repository.Read(file))).Select(m => m.Groups["name"].Value)];
        Breach.None(PitfallRow().Matches(Repository.Read("docs/pitfalls.md"))
            .SelectMany(row => Name().Matches(row.Groups["guards"].Value), (row, name) => (Entry: row.Groups["entry"].Value, Name: name.Groups["name"].Value))
            .Where(guard => !Array.Exists(tests, test => guard.Name.EndsWith('*') ? HasCode(test, guard.Name[..^1]) : test == guard.Name))
            .Select(guard => $"{guard.Entry}: there is no test {guard.Name}"));
    }

    [Theory, MemberData(nameof(Documents))]
    public void Each_test_that_a_document_names_exists(string document)
    {
        var classes = Repository.SourceFiles("tests").ToLookup(file => Path.GetFileNameWithoutExtension(file), file => Repository.Read(file));
        Breach.None(TestName().Matches(Repository.Read(document))
            .Where(name => !classes[name.Groups["class"].Value].Any(text => text.Contains($" {name.Groups["method"].Value}", StringComparison.Ordinal)))
            .Select(name => $"{document}: there is no test {name.Value}"));
    }

    [Theory, MemberData(nameof(Documents))]
    public void Each_member_that_a_document_names_exists(string document)
    {
        var members = Repository.Packages.SelectMany(package => Assemblies.Of(package).MainModule.GetTypes())
            .SelectMany(type => type.Methods.Select(m => Unprefixed(m.Name)).Concat(type.Fields.Select(f => f.Name)), (type, member) => (Type: Extended(type.Name), member))
            .ToLookup(t => t.Type, t => t.member);
        Breach.None(MemberName().Matches(Repository.Read(document))
            .Where(name => members.Contains(name.Groups["type"].Value) || name.Groups["type"].Value.EndsWith("Options", StringComparison.Ordinal))
            .Where(name => !members[name.Groups["type"].Value].Contains(name.Groups["member"].Value))
            .Select(name => $"{document}: there is no {name.Value}"));
    }

    // Properties and events compile to methods with a prefix, extensions to methods of a type with a suffix.
    private static string Unprefixed(string method) => Prefix().Replace(method, "");

    private static string Extended(string type) => type.EndsWith("Extensions", StringComparison.Ordinal) ? type[..^"Extensions".Length] : type;

    // A test of several entries begins with the codes of all of them.
    private static bool HasCode(string test, string prefix) => test.StartsWith(prefix, StringComparison.Ordinal)
        || (Codes().Match(test).Value is var codes && $"_{codes}".Contains($"_{prefix}", StringComparison.Ordinal));

    private static string[] Paragraphs(string code) => code.Split("\n\n", StringSplitOptions.RemoveEmptyEntries);

    private static string WithoutIndents(string code) => string.Join('\n', code.Split('\n').Select(line => line.Trim())).Trim();

    [GeneratedRegex(@"\b(void|Task) (?<name>\w+)\(")]
    private static partial Regex TestMethod();

    [GeneratedRegex(@"^([A-Z]\d+_)+")]
    private static partial Regex Codes();

    [GeneratedRegex(@"^\| (?<entry>[A-Z]\d+) \|[^|]*\|(?<guards>[^|]*)\|", RegexOptions.Multiline)]
    private static partial Regex PitfallRow();

    [GeneratedRegex("`(?<name>[^`]+)`")]
    private static partial Regex Name();

    [GeneratedRegex(@"`(?<class>\w+Tests)(\.(?<method>\w+)…?)?`")]
    private static partial Regex TestName();

    [GeneratedRegex(@"`(?<type>[A-Z]\w+)\.(?<member>[A-Z]\w+)\b[^`]*`")]
    private static partial Regex MemberName();

    [GeneratedRegex("^(get|set|add|remove)_")]
    private static partial Regex Prefix();

    [GeneratedRegex("```csharp")]
    private static partial Regex CodeBlock();

    [GeneratedRegex("<!-- (?<file>[^ ]+) -->\n```csharp\n(?<code>.*?)```", RegexOptions.Singleline)]
    private static partial Regex SampleBlock();

    [GeneratedRegex(@"\]\((?<path>[^)#]+)\)")]
    private static partial Regex Link();
}
