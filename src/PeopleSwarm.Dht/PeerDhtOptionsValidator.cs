using Microsoft.Extensions.Options;

namespace PeopleSwarm.Dht;

[OptionsValidator]
internal sealed partial class PeerDhtOptionsValidator : IValidateOptions<PeerDhtOptions>;

/// <summary>What attributes cannot say: durations.</summary>
internal sealed class PeerDhtOptionsRules : IValidateOptions<PeerDhtOptions>
{
    public ValidateOptionsResult Validate(string? name, PeerDhtOptions options)
    {
        ValidateOptionsResultBuilder result = new();
        Check(result, nameof(options.RecordAge), options.RecordAge, TimeSpan.FromMinutes(1), TimeSpan.FromDays(1));
        Check(result, nameof(options.ValueAge), options.ValueAge, TimeSpan.FromMinutes(1), TimeSpan.FromDays(30));
        Check(result, nameof(options.ForwardLifetime), options.ForwardLifetime, TimeSpan.FromSeconds(5), TimeSpan.FromMinutes(1));
        Check(result, nameof(options.RelayPingInterval), options.RelayPingInterval, TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1));
        Check(result, nameof(options.PassiveWait), options.PassiveWait, TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1));
        Check(result, nameof(options.RandomPunchInterval), options.RandomPunchInterval, TimeSpan.Zero, TimeSpan.FromMinutes(10));
        Check(result, nameof(options.ReusableSocketLinger), options.ReusableSocketLinger, TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(5));
        Check(result, nameof(options.RelayTimeout), options.RelayTimeout, TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1));
        Check(result, nameof(options.RelayIdleTimeout), options.RelayIdleTimeout, TimeSpan.Zero, TimeSpan.FromHours(1));
        return result.Build();
    }

    private static void Check(ValidateOptionsResultBuilder result, string name, TimeSpan value, TimeSpan min, TimeSpan max)
    {
        if (value < min || value > max) result.AddError($"It must be {min} to {max}, not {value}.", name);
    }
}
