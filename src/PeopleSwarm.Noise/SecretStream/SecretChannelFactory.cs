using System.Buffers;
using System.IO.Pipelines;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace PeopleSwarm.Noise.SecretStream;

/// <summary>Opens channels, with a handshake over the byte stream or after one elsewhere.</summary>
internal sealed class SecretChannelFactory(IOptions<NoiseOptions> options, IRandomSource random, TimeProvider time, NoiseMetrics metrics,
    ILoggerFactory? loggerFactory = null) : ISecretChannelFactory
{
    private const int MaxHandshakeMessage = 65_535;
    private const string Failed = "Noise handshake failed";
    private static readonly TimeSpan s_maxSilence = TimeSpan.FromHours(1);

    private readonly ChannelServices _services =
        new(options.Value, random, time, metrics, (loggerFactory ?? NullLoggerFactory.Instance).CreateLogger("PeopleSwarm.Noise"));

    public ISecretChannel Open(IDuplexPipe transport, HandshakeResult keys, SecretChannelOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(transport);
        ArgumentNullException.ThrowIfNull(keys);
        return new SecretChannel(transport, keys, Checked(options), _services);
    }

    public async ValueTask<ISecretChannel> ConnectAsync(IDuplexPipe transport, IHandshake handshake, SecretChannelOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(transport);
        ArgumentNullException.ThrowIfNull(handshake);
        options = Checked(options);
        using var timeout = new CancellationTokenSource(_services.Options.HandshakeTimeout, _services.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
        try
        {
            using (handshake)
            {
                await ShakeHandsAsync(transport, handshake, either.Token).ConfigureAwait(false);
                var channel = new SecretChannel(transport, handshake.GetResult(), options, _services);
                _services.Metrics.HandshakeDone(succeeded: true);
                return channel;
            }
        }
        catch (Exception e)
        {
            var error = e is OperationCanceledException && cancellationToken.IsCancellationRequested ? e
                : e as SecretChannelException ?? new SecretChannelException(SecretChannelError.Handshake,
                    e is OperationCanceledException ? $"{Failed}: it took longer than {_services.Options.HandshakeTimeout}" : Failed, e);
            _services.Metrics.HandshakeDone(succeeded: false);
            NoiseLog.HandshakeFailed(_services.Logger, handshake.Role, error.Message);
            await transport.Output.CompleteAsync(error).ConfigureAwait(false);
            await transport.Input.CompleteAsync(error).ConfigureAwait(false);
            if (ReferenceEquals(error, e)) throw;
            throw error;
        }
    }

    private static SecretChannelOptions Checked(SecretChannelOptions? options)
    {
        options ??= SecretChannelOptions.Default;
        if (options.MaxMessageSize is < 0 or > Frame.MaxMessage)
            throw new ArgumentException($"MaxMessageSize must be 0 to {Frame.MaxMessage}, not {options.MaxMessageSize}.", nameof(options));
        if (options.KeepAlive < TimeSpan.Zero || options.KeepAlive > s_maxSilence || options.Timeout < TimeSpan.Zero || options.Timeout > s_maxSilence)
            throw new ArgumentException($"KeepAlive and Timeout must be 0 to {s_maxSilence}; zero turns them off.", nameof(options));
        return options;
    }

    private static async ValueTask ShakeHandsAsync(IDuplexPipe transport, IHandshake handshake, CancellationToken cancellationToken)
    {
        using var frames = new FrameDecoder();
        while (!handshake.IsComplete)
        {
            if (handshake.IsOurTurn)
            {
                WriteMessage(transport.Output, handshake);
                if (handshake.IsComplete) return; // the header frame goes out with it
                await transport.Output.FlushAsync(cancellationToken).ConfigureAwait(false);
            }
            else
            {
                ReadMessage(await ReadFrameAsync(transport.Input, frames, cancellationToken).ConfigureAwait(false), handshake);
            }
        }
    }

    private static void WriteMessage(PipeWriter output, IHandshake handshake)
    {
        Span<byte> message = stackalloc byte[Frame.LengthSize + handshake.NextMessageOverhead];
        int length = handshake.WriteMessage([], message[Frame.LengthSize..]);
        Frame.WriteLength(message, length);
        output.Write(message[..(Frame.LengthSize + length)]);
    }

    private static void ReadMessage(Frame frame, IHandshake handshake)
    {
        byte[] payload = ArrayPool<byte>.Shared.Rent(frame.Body.Length);
        bool ok = handshake.TryReadMessage(frame.Body, payload, out _);
        ArrayPool<byte>.Shared.Return(payload);
        frame.Return();
        if (!ok) throw new SecretChannelException(SecretChannelError.Handshake, Failed);
    }

    /// <summary>Takes one frame and leaves what follows it: the peer may already be at the next stage.</summary>
    private static async ValueTask<Frame> ReadFrameAsync(PipeReader input, FrameDecoder frames, CancellationToken cancellationToken)
    {
        while (true)
        {
            var result = await input.ReadAsync(cancellationToken).ConfigureAwait(false);
            var bytes = result.Buffer;
            var status = frames.Read(ref bytes, MaxHandshakeMessage);
            input.AdvanceTo(bytes.Start);
            if (status == FrameStatus.Complete) return frames.Take();
            if (status == FrameStatus.TooLarge) throw new SecretChannelException(SecretChannelError.Handshake, Failed);
            if (result.IsCompleted) throw new SecretChannelException(SecretChannelError.Handshake, $"{Failed}: the peer ended the stream");
        }
    }
}
