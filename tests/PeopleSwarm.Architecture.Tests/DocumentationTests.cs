using System.Text.RegularExpressions;

namespace PeopleSwarm.Architecture;

/// <summary>What the documents show is compiled, and what they point at exists.</summary>
public partial class DocumentationTests
{
    public static TheoryData<string> Documents => [.. new[] { "README.md", "CONTRIBUTING.md" }
        .Concat(Directory.EnumerateFiles(Path.Combine(Repository.Root, "docs"), "*.md").Select(f => $"docs/{Path.GetFileName(f)}"))];

    [Fact]
    public void Each_program_in_the_readme_names_the_file_it_is_from() =>
        Assert.Equal(CodeBlock().Count(Repository.Read("README.md")), SampleBlock().Count(Repository.Read("README.md")));

    [Theory, MemberData(nameof(Documents))]
    public void Each_paragraph_of_a_shown_program_is_in_its_file(string document) => Breach.None(SampleBlock().Matches(Repository.Read(document))
        .SelectMany(block => Paragraphs(block.Groups["code"].Value).Select(paragraph => (File: block.Groups["file"].Value, paragraph)))
        .Where(shown => !WithoutIndents(Repository.Read(shown.File)).Contains(WithoutIndents(shown.paragraph), StringComparison.Ordinal))
        .Select(shown => $"{document} shows what is not in {shown.File}:\n{shown.paragraph}"));

    [Theory, MemberData(nameof(Documents))]
    public void What_a_document_links_to_exists(string document) => Breach.None(Link().Matches(Repository.Read(document))
        .Select(link => link.Groups["path"].Value).Where(path => !path.Contains("://", StringComparison.Ordinal))
        .Where(path => !Path.Exists(Path.Combine(Repository.Root, Path.GetDirectoryName(document)!, path))));

    private static string[] Paragraphs(string code) => code.Split("\n\n", StringSplitOptions.RemoveEmptyEntries);

    private static string WithoutIndents(string code) => string.Join('\n', code.Split('\n').Select(line => line.Trim())).Trim();

    [GeneratedRegex("```csharp")]
    private static partial Regex CodeBlock();

    [GeneratedRegex("<!-- (?<file>[^ ]+) -->\n```csharp\n(?<code>.*?)```", RegexOptions.Singleline)]
    private static partial Regex SampleBlock();

    [GeneratedRegex(@"\]\((?<path>[^)#]+)\)")]
    private static partial Regex Link();
}
