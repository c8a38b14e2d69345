using System.Text.RegularExpressions;

namespace PeopleSwarm.Architecture;

public partial class RepositoryShapeTests
{
    private const int MaxLines = 450;

    public static TheoryData<string> Packages => [.. Repository.Packages];

    [Theory, MemberData(nameof(Packages))]
    public void A_package_has_its_own_version_description_readme_and_changelog(string package)
    {
        var project = Repository.ProjectOf(package);
        string version = Assert.Single(project.Descendants("Version")).Value;
        Assert.NotEmpty(Assert.Single(project.Descendants("Description")).Value);
        Assert.Contains(package == "PeopleSwarm.Cli" ? "peopleswarm" : package, Repository.Read($"src/{package}/README.md"), StringComparison.OrdinalIgnoreCase);
        Assert.Contains($"## {version}", Repository.Read($"src/{package}/CHANGELOG.md"), StringComparison.Ordinal);
    }

    [Fact]
    public void Files_hold_one_idea() => Breach.None(
        Repository.SourceFiles("src").Select(f => (File: f, Lines: Repository.Read(f).Count(c => c == '\n'))).Where(f => f.Lines > MaxLines)
            .Select(f => $"{f.File} has {f.Lines} lines"), $"No file of src has more than {MaxLines} lines:");

    [Fact]
    public void No_source_hides_errors_regions_or_unfinished_work() => Breach.None(
        Repository.SourceFiles("src").SelectMany(f => Smell().Matches(Repository.Read(f)).Select(m => $"{f}: {m.Value.Trim()}")));

    [Fact]
    public void Every_project_is_part_of_the_solution()
    {
        string solution = Repository.Read("PeopleSwarm.sln");
        Breach.None(new[] { "src", "tests", "samples", "bench" }.Select(f => Path.Combine(Repository.Root, f)).Where(Directory.Exists)
            .SelectMany(f => Directory.EnumerateFiles(f, "*.csproj", SearchOption.AllDirectories))
            .Select(f => Path.GetFileName(f)).Where(f => !solution.Contains(f, StringComparison.Ordinal)));
    }

    [GeneratedRegex(@"#region|\b(TODO|FIXME|HACK|XXX)\b|catch\s*(\([^)]*\))?\s*\{\s*\}|#pragma warning disable(?! CA| IL)")]
    private static partial Regex Smell();
}
