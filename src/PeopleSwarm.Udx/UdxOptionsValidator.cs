using Microsoft.Extensions.Options;

namespace PeopleSwarm.Udx;

[OptionsValidator]
internal sealed partial class UdxOptionsValidator : IValidateOptions<UdxOptions>;

[OptionsValidator]
internal sealed partial class DatagramHostOptionsValidator : IValidateOptions<DatagramHostOptions>;

/// <summary>What attributes cannot say: durations.</summary>
internal sealed class DatagramHostOptionsRules : IValidateOptions<DatagramHostOptions>
{
    private static readonly TimeSpan s_longestSpin = TimeSpan.FromMilliseconds(1);

    public ValidateOptionsResult Validate(string? name, DatagramHostOptions options) =>
        options.SpinTime >= TimeSpan.Zero && options.SpinTime <= s_longestSpin
            ? ValidateOptionsResult.Success
            : ValidateOptionsResult.Fail($"{nameof(options.SpinTime)}: It must be {TimeSpan.Zero} to {s_longestSpin}.");
}

/// <summary>What attributes cannot say: durations, and rules between options.</summary>
internal sealed class UdxOptionsRules : IValidateOptions<UdxOptions>
{
    private static readonly TimeSpan s_hour = TimeSpan.FromHours(1);

    public ValidateOptionsResult Validate(string? name, UdxOptions options)
    {
        ValidateOptionsResultBuilder result = new();
        Require(nameof(options.KeepAlive), options.KeepAlive, TimeSpan.Zero, s_hour);
        Require(nameof(options.IdleTimeout), options.IdleTimeout, TimeSpan.FromSeconds(1), s_hour);
        Require(nameof(options.InitialRto), options.InitialRto, TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(10));
        Require(nameof(options.MinRto), options.MinRto, TimeSpan.FromMilliseconds(10), TimeSpan.FromSeconds(5));
        Require(nameof(options.MaxRto), options.MaxRto, TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(2));
        Require(nameof(options.TimeWait), options.TimeWait, TimeSpan.Zero, TimeSpan.FromMinutes(10));
        Require(nameof(options.Linger), options.Linger, TimeSpan.Zero, s_hour);
        if (options.MaxReorderBytes < options.ReceiveWindow)
            result.AddError("It must not be less than ReceiveWindow.", nameof(options.MaxReorderBytes));
        if (options.MinRto > options.MaxRto) result.AddError("It must not exceed MaxRto.", nameof(options.MinRto));
        if (options.InitialRto > options.MaxRto) result.AddError("It must not exceed MaxRto.", nameof(options.InitialRto));
        if (options.BaseMtu > options.MaxMtu) result.AddError("It must not exceed MaxMtu.", nameof(options.BaseMtu));
        return result.Build();

        void Require(string option, TimeSpan value, TimeSpan least, TimeSpan most)
        {
            if (value < least || value > most) result.AddError($"It must be {least} to {most}.", option);
        }
    }

    /// <summary>Applies every rule.</summary>
    /// <exception cref="OptionsValidationException">A rule is broken.</exception>
    public static void ThrowIfInvalid(UdxOptions options)
    {
        foreach (IValidateOptions<UdxOptions> validator in (IValidateOptions<UdxOptions>[])[new UdxOptionsValidator(), new UdxOptionsRules()])
        {
            var result = validator.Validate(Options.DefaultName, options);
            if (result.Failed) throw new OptionsValidationException(Options.DefaultName, typeof(UdxOptions), result.Failures);
        }
    }
}
