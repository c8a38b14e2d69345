using Mono.Cecil;

namespace PeopleSwarm.Architecture;

/// <summary>The compiled packages, read once.</summary>
internal static class Assemblies
{
    private static readonly Dictionary<string, AssemblyDefinition> s_read = Repository.Packages.ToDictionary(p => p, Read);

    public static AssemblyDefinition Of(string package) => s_read[package];

    public static IEnumerable<CodeReference> ReferencesOf(string package) => CodeReference.In(s_read[package]);

    public static bool IsGenerated(ICustomAttributeProvider member) =>
        member.CustomAttributes.Any(a => a.AttributeType.Name is "CompilerGeneratedAttribute" or "GeneratedCodeAttribute");

    private static AssemblyDefinition Read(string package)
    {
        string name = (string?)Repository.ProjectOf(package).Descendants("AssemblyName").FirstOrDefault() ?? package;
        return AssemblyDefinition.ReadAssembly(Path.Combine(AppContext.BaseDirectory, $"{name}.dll"));
    }
}
