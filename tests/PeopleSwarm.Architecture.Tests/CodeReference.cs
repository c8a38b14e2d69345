using System.Text.RegularExpressions;
using Mono.Cecil;
using Mono.Cecil.Cil;

namespace PeopleSwarm.Architecture;

/// <summary>A use of something by a member, as the compiled code shows it. Closures and state machines count as the member they came from.</summary>
internal sealed partial record CodeReference(TypeDefinition From, string FromMember, TypeReference To, string? ToMember)
{
    public string ToNamespace => Outermost(To).Namespace;

    /// <summary>The assembly the used type lives in, without its version.</summary>
    public string ToAssembly => To.Scope is AssemblyNameReference name ? name.Name : Path.GetFileNameWithoutExtension(To.Scope.Name);

    public override string ToString() => $"{From.FullName}.{FromMember} uses {To.FullName}{(ToMember is null ? "" : "." + ToMember)}";

    public static IEnumerable<CodeReference> In(AssemblyDefinition assembly) => assembly.MainModule.GetTypes().SelectMany(In);

    public static TypeReference Outermost(TypeReference type)
    {
        type = type.GetElementType();
        while (type.DeclaringType is { } outer) type = outer;
        return type;
    }

    private static IEnumerable<CodeReference> In(TypeDefinition type)
    {
        var from = (TypeDefinition)Outermost(type);
        string here = type.Name.StartsWith('<') ? OriginalName(type.Name) : type.Name;
        var signature = type.Fields.Select(f => (f.Name, f.FieldType))
            .Concat(type.Interfaces.Select(i => (here, i.InterfaceType)))
            .Concat(type.BaseType is null ? [] : [(here, type.BaseType)])
            .Concat(type.Methods.SelectMany(m => m.Parameters.Select(p => p.ParameterType).Append(m.ReturnType).Select(t => (m.Name, t))));
        foreach (var (member, used) in signature)
            foreach (var part in Parts(used)) yield return new(from, OriginalName(member), part, null);
        foreach (var method in type.Methods.Where(m => m.HasBody))
        {
            string member = type.Name.StartsWith('<') ? here : OriginalName(method.Name);
            foreach (var (used, name) in method.Body.Instructions.SelectMany(Uses))
                foreach (var part in Parts(used)) yield return new(from, member, part, name);
        }
    }

    private static IEnumerable<(TypeReference, string?)> Uses(Instruction instruction) => instruction.Operand switch
    {
        MethodReference method => [(method.DeclaringType, method.Name), .. method is GenericInstanceMethod g ? g.GenericArguments.Select(a => (a, (string?)null)) : []],
        FieldReference field => [(field.DeclaringType, field.Name)],
        TypeReference type => [(type, null)],
        _ => [],
    };

    private static IEnumerable<TypeReference> Parts(TypeReference type)
    {
        if (type is GenericParameter) return [];
        if (type is GenericInstanceType generic) return generic.GenericArguments.SelectMany(Parts).Prepend(generic.ElementType);
        if (type is FunctionPointerType call) return call.Parameters.Select(p => p.ParameterType).Append(call.ReturnType).SelectMany(Parts);
        return type is TypeSpecification specification ? Parts(specification.ElementType) : [type];
    }

    // <Name>d__1, <Name>b__0 and <>c__DisplayClass belong to Name, where the compiler kept it.
    private static string OriginalName(string name) => BetweenBrackets().Match(name) is { Success: true } match ? match.Groups[1].Value : name;

    [GeneratedRegex("<([^<>]+)>")]
    private static partial Regex BetweenBrackets();
}
