using System.ComponentModel.DataAnnotations;
using System.Reflection;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace PeopleSwarm.Architecture;

/// <summary>Every option has a range, and a test that sets it.</summary>
public class OptionsTests
{
    private static readonly Registration[] s_registrations =
    [
        new Registration<UdxOptions>(services => services.AddUdx()), new Registration<DatagramHostOptions>(services => services.AddUdx()),
        new Registration<NoiseOptions>(services => services.AddNoise()), new Registration<DhtOptions>(services => services.AddDht()),
        new Registration<PeerDhtOptions>(services => services.AddDht()), new Registration<SwarmOptions>(services => services.AddSwarm()),
    ];

    public static TheoryData<string, string> Numbers =>
        [.. s_registrations.SelectMany(r => r.Options.GetProperties().Where(p => IsNumber(p.PropertyType)).Select(p => (r.Options.Name, p.Name)))];

    [Theory, MemberData(nameof(Numbers))]
    public void A_number_or_duration_out_of_range_is_refused_by_name(string options, string name)
    {
        var registration = s_registrations.Single(r => r.Options.Name == options);
        var property = registration.Options.GetProperty(name)!;
        var (least, most) = property.PropertyType == typeof(TimeSpan) ? (TimeSpan.MinValue, TimeSpan.MaxValue) : ((object)int.MinValue, (object)int.MaxValue);
        Assert.Contains(name, registration.Refusal(property, least), StringComparison.Ordinal);
        if (property.GetCustomAttribute<RangeAttribute>() is { Maximum: int.MaxValue }) return; // a size that only the machine bounds
        Assert.Contains(name, registration.Refusal(property, most), StringComparison.Ordinal);
    }

    [Fact]
    public void Each_option_is_set_in_a_test()
    {
        string tests = string.Concat(Repository.SourceFiles("tests").Select(Repository.Read));
        Breach.None(Repository.Packages.SelectMany(package => Assemblies.Of(package).MainModule.Types)
            .Where(type => type.IsPublic && type.Name.EndsWith("Options", StringComparison.Ordinal))
            .SelectMany(type => type.Properties.Where(p => p.SetMethod is { IsPublic: true }), (type, property) => (Type: type.Name, property.Name))
            .Where(option => !Regex.IsMatch(tests, $@"\b{option.Name}\b"))
            .Select(option => $"{option.Type}.{option.Name} is in no test."));
    }

    private static bool IsNumber(Type type) => type == typeof(int) || type == typeof(TimeSpan);

    private abstract record Registration(Type Options)
    {
        public abstract string Refusal(PropertyInfo property, object value);
    }

    private sealed record Registration<T>(Func<IServiceCollection, IServiceCollection> Add) : Registration(typeof(T)) where T : class
    {
        public override string Refusal(PropertyInfo property, object value)
        {
            using var services = Add(new ServiceCollection()).Configure<T>(options => property.SetValue(options, value)).BuildServiceProvider();
            return Assert.Throws<OptionsValidationException>(() => services.GetRequiredService<IOptions<T>>().Value).Message;
        }
    }
}
