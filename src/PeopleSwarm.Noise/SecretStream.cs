using System.IO.Pipelines;
using Microsoft.Extensions.Options;
using PeopleSwarm.Noise;
using PeopleSwarm.Noise.SecretStream;

namespace PeopleSwarm;

/// <summary>How <see cref="SecretStream"/> connects.</summary>
public sealed record SecretStreamOptions
{
    /// <summary>The handshake pattern; both sides use the same. Default <see cref="HandshakePattern.XX"/>.</summary>
    public HandshakePattern Pattern { get; init; } = HandshakePattern.XX;

    /// <summary>The only key to accept; needed by the initiator of IK and XK. Without one, anybody can be at the other end. Default none.</summary>
    public PublicKey? RemotePublicKey { get; init; }

    /// <summary>How the channel behaves.</summary>
    public SecretChannelOptions Channel { get; init; } = SecretChannelOptions.Default;
}

/// <summary>Encrypts a byte stream of any kind, compatible with <c>@hyperswarm/secret-stream</c>. No services are needed.</summary>
public static class SecretStream
{
    private static readonly SystemRandomSource s_random = new();
    private static readonly IOptions<NoiseOptions> s_noise = Options.Create(new NoiseOptions());
    private static readonly HandshakeFactory s_handshakes = new(s_noise, s_random);
    private static readonly SecretChannelFactory s_channels = new(s_noise, s_random, TimeProvider.System, new NoiseMetrics(s_noise));

    /// <summary>Does the handshake over <paramref name="stream"/> and opens the channel, which then owns the stream.</summary>
    /// <param name="stream">A connected stream, such as a <see cref="System.Net.Sockets.NetworkStream"/>.</param>
    /// <param name="role">Who speaks first: exactly one side is the initiator.</param>
    /// <param name="keyPair">Who we are; used during the handshake only, and not disposed.</param>
    /// <param name="options">Whom to accept, and how the channel behaves.</param>
    /// <param name="cancellationToken">Gives the handshake up.</param>
    /// <exception cref="SecretChannelException">The handshake failed; the stream was disposed.</exception>
    public static ValueTask<ISecretChannel> ConnectAsync(Stream stream, HandshakeRole role, KeyPair keyPair,
        SecretStreamOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stream);
        return ConnectAsync(new StreamTransport(stream), role, keyPair, options, cancellationToken);
    }

    /// <summary>Does the handshake over <paramref name="pipe"/> and opens the channel, which then owns the pipe.</summary>
    /// <param name="pipe">A connected byte stream.</param>
    /// <param name="role">Who speaks first: exactly one side is the initiator.</param>
    /// <param name="keyPair">Who we are; used during the handshake only, and not disposed.</param>
    /// <param name="options">Whom to accept, and how the channel behaves.</param>
    /// <param name="cancellationToken">Gives the handshake up.</param>
    /// <exception cref="SecretChannelException">The handshake failed; both ends of the pipe were completed with the error.</exception>
    public static ValueTask<ISecretChannel> ConnectAsync(IDuplexPipe pipe, HandshakeRole role, KeyPair keyPair,
        SecretStreamOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(pipe);
        options ??= new();
        var handshake = s_handshakes.Create(options.Pattern, role, keyPair, options.RemotePublicKey);
        return s_channels.ConnectAsync(pipe, handshake, options.Channel, cancellationToken);
    }
}
