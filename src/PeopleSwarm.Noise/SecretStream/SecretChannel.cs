using System.Buffers;
using System.IO.Pipelines;
using Microsoft.Extensions.Logging;
using PeopleSwarm.Noise.Crypto;

namespace PeopleSwarm.Noise.SecretStream;

/// <summary>What every channel of a factory shares.</summary>
internal sealed record ChannelServices(NoiseOptions Options, IRandomSource Random, TimeProvider Time, NoiseMetrics Metrics, ILogger Logger);

/// <summary>Two directions over one byte stream, and what they share: the first failure, the timers, the unordered messages.</summary>
/// <remarks>Spec: noise-and-secretstream, 5 to 8.</remarks>
internal sealed class SecretChannel : ISecretChannel
{
    private readonly ChannelServices _services;
    private readonly IDuplexPipe _transport;
    private readonly IReliableStream? _stream;
    private readonly ChannelReader _reader;
    private readonly ChannelWriter _writer;
    private readonly MessageHandler? _onUnordered;
    private readonly HandshakeResult _keys; // who is who; the keys themselves are forgotten when both directions have taken them
    private UnorderedMessages? _unordered; // since the first: few channels have any
    private IOException? _failure;
    private int _disposed;

    public SecretChannel(IDuplexPipe transport, HandshakeResult keys, SecretChannelOptions options, ChannelServices services)
    {
        (_transport, _services, _stream, _onUnordered, _keys) = (transport, services, transport as IReliableStream, options.OnUnorderedMessage, keys);
        _writer = new(this, transport.Output, keys, services, options);
        _reader = new(this, transport.Input, keys, options, CryptoLibraries.Of(services.Options));
        if (options.KeepAlive > TimeSpan.Zero) KeepAlive = new(services.Time, options.KeepAlive, static channel => ((SecretChannel)channel!).OnKeepAlive(), this);
        if (options.Timeout > TimeSpan.Zero) Silence = new(services.Time, options.Timeout, OnSilence);
        services.Metrics.ChannelOpened();
        NoiseLog.ChannelOpened(services.Logger, RemotePublicKey, IsInitiator);
        _writer.Start();
    }

    public PipeReader Input => _reader;

    public PipeWriter Output => _writer;

    public PublicKey LocalPublicKey => _keys.LocalPublicKey;

    public PublicKey? RemotePublicKey => _keys.RemotePublicKey;

    public ReadOnlyMemory<byte> HandshakeHash => _keys.Hash;

    public bool IsInitiator => _keys.Role == HandshakeRole.Initiator;

    public long RawBytesWritten => _writer.RawBytes;

    public long RawBytesRead => _reader.RawBytes;

    /// <summary>The role the peer has.</summary>
    internal HandshakeRole PeerRole => IsInitiator ? HandshakeRole.Responder : HandshakeRole.Initiator;

    internal KeepAliveTimer? KeepAlive { get; }

    internal SilenceTimer? Silence { get; }

    /// <summary>The first failure; null while the channel works.</summary>
    internal IOException? Failure => Volatile.Read(ref _failure);

    public ValueTask WriteMessageAsync(ReadOnlyMemory<byte> message, CancellationToken cancellationToken = default) =>
        _writer.WriteMessageAsync(message, cancellationToken);

    public ValueTask<ReadOnlyMemory<byte>?> ReadMessageAsync(CancellationToken cancellationToken = default) =>
        _reader.ReadMessageAsync(cancellationToken);

    public void SendKeepAlive() => _writer.SendEmpty();

    public bool TrySendUnordered(ReadOnlySpan<byte> message)
    {
        const int maxPacket = 65_535;
        int length = message.Length + UnorderedMessages.Overhead;
        if (_stream is null || Failure is not null || length > maxPacket) return false;
        byte[] packet = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            if (Unordered.TrySeal(message, packet.AsSpan(0, length))) return _stream.TrySendMessage(packet.AsSpan(0, length));
            if (_disposed == 0) Fail(new SecretChannelException(SecretChannelError.NonceExhausted, "The counter of unordered messages is used up"));
            return false;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(packet);
        }
    }

    public void ReceiveUnordered(ReadOnlySpan<byte> message)
    {
        if (_onUnordered is null || message.Length < UnorderedMessages.Overhead) return;
        byte[] opened = ArrayPool<byte>.Shared.Rent(message.Length);
        try
        {
            if (Unordered.TryOpen(message, opened, out int length)) _onUnordered(opened.AsSpan(0, length));
            else _services.Metrics.UnorderedDropped();
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(opened);
        }
    }

    public void Abort(Exception? error = null) => Fail(new SecretChannelException(SecretChannelError.Aborted, "The channel was aborted", error));

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        StopTimers();
        _writer.CancelPendingFlush();
        try
        {
            await _writer.DrainAsync().ConfigureAwait(false);
            await _writer.CompleteAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or InvalidOperationException or ObjectDisposedException or OperationCanceledException)
        {
            Fail(e);
        }
        _reader.Complete();
        _unordered?.Dispose();
        _services.Metrics.ChannelClosed(RawBytesRead, RawBytesWritten);
        if (_transport is IAsyncDisposable disposable) await disposable.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Breaks the channel unless it is broken already; returns the first failure.</summary>
    internal IOException Fail(Exception cause)
    {
        var failure = cause as IOException ?? new IOException("The stream below failed.", cause);
        if (Interlocked.CompareExchange(ref _failure, failure, null) is { } first) return first;
        StopTimers();
        var error = (failure as SecretChannelException)?.Error;
        _services.Metrics.ChannelBroken(error);
        NoiseLog.ChannelBroken(_services.Logger, RemotePublicKey, failure.Message);
        if (_stream is not null)
        {
            _stream.Abort(failure);
        }
        else
        {
            _transport.Input.CancelPendingRead();
            _writer.CancelPendingFlush();
        }
        _reader.Close();
        _writer.Finish();
        return failure;
    }

    internal void ThrowIfFailed()
    {
        if (Failure is { } failure) throw Copy(failure);
    }

    /// <summary>A failure is thrown in both directions, and each throw has its own stack trace.</summary>
    private static IOException Copy(IOException failure) => failure is SecretChannelException { Error: var error }
        ? new SecretChannelException(error, failure.Message, failure.InnerException)
        : new IOException(failure.Message, failure.InnerException ?? failure);

    private UnorderedMessages Unordered
    {
        get
        {
            if (_unordered is null) Interlocked.CompareExchange(ref _unordered, new(_keys.Role, _keys.Hash, _services.Random), null);
            if (_disposed != 0) _unordered.Dispose(); // it may have missed that
            return _unordered;
        }
    }

    private void OnKeepAlive()
    {
        if (_writer.IsEnded) KeepAlive!.Dispose();
        else _writer.SendEmpty();
    }

    private void OnSilence() => Fail(new SecretChannelException(SecretChannelError.TimedOut, "Stream timed out"));

    private void StopTimers()
    {
        KeepAlive?.Dispose();
        Silence?.Dispose();
    }
}
