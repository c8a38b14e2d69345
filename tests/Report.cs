using System.Runtime.CompilerServices;

namespace PeopleSwarm;

/// <summary>What a test measured, as text in <c>artifacts/reports/</c>, so that it is read also when the test passes; CI prints all of them.</summary>
internal static class Report
{
    /// <summary>Writes the report and adds it to the test's output.</summary>
    public static void Write(string name, string text, [CallerFilePath] string source = "")
    {
        TestContext.Current.TestOutputHelper?.WriteLine(text);
        foreach (string? start in new[] { AppContext.BaseDirectory, Path.GetDirectoryName(source) })
            for (var folder = string.IsNullOrEmpty(start) ? null : new DirectoryInfo(start); folder is not null; folder = folder.Parent)
                if (File.Exists(Path.Combine(folder.FullName, "PeopleSwarm.sln")))
                {
                    string reports = Path.Combine(folder.FullName, "artifacts", "reports");
                    Directory.CreateDirectory(reports);
                    File.WriteAllText(Path.Combine(reports, name + ".txt"), text);
                    return;
                }
    }
}
