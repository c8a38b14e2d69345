namespace PeopleSwarm;

/// <summary>Messages with boundaries, in order and both ways. One reader and one writer at a time.</summary>
public interface IMessageChannel : IAsyncDisposable
{
    /// <summary>Sends <paramref name="message"/> as one message.</summary>
    /// <param name="message">How long it may be is the channel's to say.</param>
    /// <param name="cancellationToken">Cancels waiting for room, not the message.</param>
    /// <exception cref="ArgumentException">The message is too large.</exception>
    /// <exception cref="IOException">The channel is broken.</exception>
    ValueTask WriteMessageAsync(ReadOnlyMemory<byte> message, CancellationToken cancellationToken = default);

    /// <summary>The next message, valid until the next call; null at the end.</summary>
    /// <exception cref="IOException">The channel is broken.</exception>
    ValueTask<ReadOnlyMemory<byte>?> ReadMessageAsync(CancellationToken cancellationToken = default);

    /// <summary>Breaks the channel at once.</summary>
    void Abort(Exception? error = null);
}
