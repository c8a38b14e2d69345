namespace PeopleSwarm.Architecture;

public class PackageDependencyTests
{
    private const string Registration = "ServiceCollectionExtensions";

    // What a package may reference, directly; docs/architecture.md, "The layers".
    private static readonly Dictionary<string, string[]> s_allowed = new()
    {
        ["PeopleSwarm.Abstractions"] = [],
        ["PeopleSwarm.Udx"] = ["PeopleSwarm.Abstractions"],
        ["PeopleSwarm.Noise"] = ["PeopleSwarm.Abstractions"],
        ["PeopleSwarm.Protomux"] = ["PeopleSwarm.Abstractions"],
        ["PeopleSwarm.Dht"] = ["PeopleSwarm.Abstractions", "PeopleSwarm.Noise", "PeopleSwarm.Protomux", "PeopleSwarm.Udx"],
        ["PeopleSwarm.Swarm"] = ["PeopleSwarm.Abstractions", "PeopleSwarm.Dht"],
        ["PeopleSwarm.Testing"] = ["PeopleSwarm.Abstractions"],
        ["PeopleSwarm.Cli"] = ["PeopleSwarm.Abstractions", "PeopleSwarm.Swarm"],
    };

    public static TheoryData<string> Packages => [.. Repository.Packages];

    [Fact]
    public void Every_package_has_its_rule() => Assert.Equal(Repository.Packages.Order(), s_allowed.Keys.Order());

    [Theory, MemberData(nameof(Packages))]
    public void A_project_references_no_more_than_its_layer_allows(string package)
    {
        var more = Repository.ReferencesOf(package, "ProjectReference").Except(s_allowed[package]);
        Assert.True(!more.Any(), $"{package} must not reference {string.Join(", ", more)}.");
    }

    [Theory, MemberData(nameof(Packages))]
    public void Compiled_code_uses_no_package_below_those_it_references(string package)
    {
        if (package == "PeopleSwarm.Cli") return; // the tool may look into every layer
        var allowed = s_allowed[package].Append(package).ToHashSet();
        Breach.None(Assemblies.ReferencesOf(package).Where(r => r.ToAssembly.StartsWith("PeopleSwarm.", StringComparison.Ordinal) && !allowed.Contains(r.ToAssembly)));
    }

    [Theory, InlineData("PeopleSwarm.Dht"), InlineData("PeopleSwarm.Swarm")]
    public void Only_the_registration_names_concrete_layers(string package) => Breach.None(Assemblies.ReferencesOf(package)
        .Where(r => r.ToAssembly.StartsWith("PeopleSwarm.", StringComparison.Ordinal) && r.ToAssembly != package && r.ToAssembly != "PeopleSwarm.Abstractions")
        .Where(r => !r.From.Name.EndsWith(Registration, StringComparison.Ordinal)));

    [Fact]
    public void Abstractions_bring_no_package_in() => Assert.Empty(Repository.ReferencesOf("PeopleSwarm.Abstractions", "PackageReference"));

    [Fact]
    public void Only_noise_brings_a_crypto_library_in() =>
        Assert.All(Repository.Packages.Where(p => p != "PeopleSwarm.Noise"), p => Assert.DoesNotContain(Repository.ReferencesOf(p, "PackageReference"), r => !IsPlatform(p, r)));

    private static bool IsPlatform(string package, string reference) =>
        reference.StartsWith("Microsoft.Extensions.", StringComparison.Ordinal) || (package == "PeopleSwarm.Cli" && reference == "System.CommandLine");
}
