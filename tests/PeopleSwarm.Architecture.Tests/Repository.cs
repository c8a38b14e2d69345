using System.Xml.Linq;

namespace PeopleSwarm.Architecture;

/// <summary>The repository the tests run in: its packages as projects, files and assemblies.</summary>
internal static class Repository
{
    public static readonly string Root = FindRoot();

    public static readonly IReadOnlyList<string> Packages =
        [.. Directory.GetDirectories(Path.Combine(Root, "src")).Select(d => Path.GetFileName(d)).Order(StringComparer.Ordinal)];

    public static string FolderOf(string package) => Path.Combine(Root, "src", package);

    public static XElement ProjectOf(string package) => XElement.Load(Path.Combine(FolderOf(package), $"{package}.csproj"));

    /// <summary>What a project file references, by the name of the package or of the project's folder.</summary>
    public static string[] ReferencesOf(string package, string kind) =>
    [
        .. ProjectOf(package).Descendants(kind).Select(r => (string)r.Attribute("Include")!)
            .Select(include => kind == "ProjectReference" ? Path.GetFileNameWithoutExtension(include.Replace('\\', '/')) : include)
            .Order(StringComparer.Ordinal),
    ];

    /// <summary>Hand-written C# files, by their path below the root.</summary>
    public static IEnumerable<string> SourceFiles(string folder) =>
        Directory.EnumerateFiles(Path.Combine(Root, folder), "*.cs", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(Root, file).Replace('\\', '/'))
            .Where(file => !file.Contains("/obj/", StringComparison.Ordinal) && !file.Contains("/bin/", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal);

    public static string Read(string file) => File.ReadAllText(Path.Combine(Root, file));

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "PeopleSwarm.sln"))) folder = folder.Parent;
        return folder?.FullName ?? throw new InvalidOperationException("The tests run outside the repository.");
    }
}
