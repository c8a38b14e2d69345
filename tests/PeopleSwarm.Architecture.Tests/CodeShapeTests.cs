using Mono.Cecil;

namespace PeopleSwarm.Architecture;

public class CodeShapeTests
{
    public static TheoryData<string> Packages => [.. Repository.Packages];

    [Theory, MemberData(nameof(Packages))]
    public void Nothing_is_async_void(string package) => Breach.None(
        Types(package).SelectMany(t => t.Methods)
            .Where(m => m.ReturnType.FullName == "System.Void" && m.CustomAttributes.Any(a => a.AttributeType.Name == "AsyncStateMachineAttribute"))
            .Select(m => $"{m.DeclaringType.FullName}.{m.Name}"));

    [Theory, MemberData(nameof(Packages))]
    public void Public_types_live_in_one_namespace(string package)
    {
        string expected = package == "PeopleSwarm.Testing" ? package : "PeopleSwarm";
        Breach.None(Types(package).Where(t => t.IsPublic && t.Namespace != expected)
            .Where(t => t.Namespace != "Microsoft.Extensions.DependencyInjection" || !t.Name.EndsWith("ServiceCollectionExtensions", StringComparison.Ordinal))
            .Select(t => t.FullName), $"Public types of {package} belong to {expected}:");
    }

    [Theory, MemberData(nameof(Packages))]
    public void Internal_types_live_in_the_namespace_of_their_folder(string package) => Breach.None(
        Types(package).Where(t => t.IsNotPublic && !IsNamespaceOf(package, t.Namespace)).Select(t => t.FullName), $"Types of {package} do not belong there:");

    [Theory, MemberData(nameof(Packages))]
    public void Classes_are_sealed_unless_something_derives_from_them(string package)
    {
        var bases = Types(package).Select(t => t.BaseType?.GetElementType().FullName).ToHashSet();
        Breach.None(Types(package)
            .Where(t => t.IsClass && !t.IsSealed && !t.IsAbstract && !t.IsValueType && !t.FullName.StartsWith('<'))
            .Where(t => !bases.Contains(t.FullName) && !t.Name.EndsWith("Exception", StringComparison.Ordinal) && t.Name != "<Module>" && t.Name != "Program")
            .Select(t => t.FullName));
    }

    // Caches of delegates and of generated code aside, state belongs to an object somebody made.
    [Theory, MemberData(nameof(Packages))]
    public void There_is_no_static_state(string package) => Breach.None(
        Types(package).Where(t => !t.Name.Contains('<', StringComparison.Ordinal)).SelectMany(t => t.Fields)
            .Where(f => f.IsStatic && !f.IsInitOnly && !f.IsLiteral && !Assemblies.IsGenerated(f))
            .Select(f => $"{f.DeclaringType.FullName}.{f.Name}"));

    [Theory, MemberData(nameof(Packages))]
    public void Nothing_is_left_unimplemented(string package) => Breach.None(
        Assemblies.ReferencesOf(package).Where(r => r.To.FullName == "System.NotImplementedException"));

    [Theory, MemberData(nameof(Packages))]
    public void Nobody_waits_by_blocking_a_thread(string package) => Breach.None(
        Assemblies.ReferencesOf(package).Where(r => (r.To.FullName, r.ToMember) is
            ("System.Threading.Thread", "Sleep") or ("System.Threading.Tasks.Task", "Wait" or "WaitAll" or "WaitAny" or "RunSynchronously")));

    // The header of a channel carries an id that everybody may know; all else that Noise compares is a key, a tag or made of them.
    [Fact]
    public void Noise_compares_secrets_in_constant_time() => Breach.None(
        Assemblies.ReferencesOf("PeopleSwarm.Noise")
            .Where(r => r.To.FullName == "System.MemoryExtensions" && r.ToMember is "SequenceEqual" or "SequenceCompareTo" or "StartsWith" or "EndsWith" or "CommonPrefixLength")
            .Where(r => (r.From.Name, r.FromMember) is not ("ChannelReader", "ReadHeader")));

    private static IEnumerable<TypeDefinition> Types(string package) =>
        Assemblies.Of(package).MainModule.GetTypes().Where(t => !IsGenerated(t));

    private static bool IsGenerated(TypeDefinition type) =>
        Assemblies.IsGenerated(type) || (type.DeclaringType is { } outer ? IsGenerated(outer) : type.Namespace.StartsWith("System", StringComparison.Ordinal) || type.Namespace == "Microsoft.CodeAnalysis");

    private static bool IsNamespaceOf(string package, string ns) =>
        ns.Length == 0 || ns == "PeopleSwarm" || ns == package || ns.StartsWith(package + ".", StringComparison.Ordinal);
}
