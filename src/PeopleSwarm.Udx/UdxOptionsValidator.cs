using Microsoft.Extensions.Options;

namespace PeopleSwarm.Udx;

[OptionsValidator]
internal sealed partial class UdxOptionsValidator : IValidateOptions<UdxOptions>;

[OptionsValidator]
internal sealed partial class DatagramHostOptionsValidator : IValidateOptions<DatagramHostOptions>;
