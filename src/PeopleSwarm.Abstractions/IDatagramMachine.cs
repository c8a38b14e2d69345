namespace PeopleSwarm;

/// <summary>A protocol without sockets, tasks or clocks: datagrams and instants in, datagrams and a deadline out.</summary>
/// <remarks>
/// The contract, kept by <see cref="IDatagramHost"/> and by the simulator alike:
/// one caller at a time; <c>now</c> never goes back; after any call that may have changed something the driver calls
/// <see cref="PollTransmit"/> until it returns false and then reads <see cref="NextTimeout"/>;
/// it calls <see cref="HandleTimeout"/> no earlier than that instant. Nothing here throws for what a stranger sent.
/// </remarks>
public interface IDatagramMachine
{
    /// <summary>When <see cref="HandleTimeout"/> wants to be called; null for never.</summary>
    Timestamp? NextTimeout { get; }

    /// <summary>Takes a datagram, borrowed until the call returns.</summary>
    /// <returns>False if it is not of this protocol; the host then offers it to the next machine.</returns>
    bool Receive(Timestamp now, ReadOnlySpan<byte> datagram, in DatagramSource source);

    /// <summary>Does what is due at <paramref name="now"/>; harmless if nothing is.</summary>
    void HandleTimeout(Timestamp now);

    /// <summary>Writes the next datagram, or several equal ones, to <paramref name="buffer"/>; false when there is nothing to send.</summary>
    bool PollTransmit(Timestamp now, Span<byte> buffer, out Transmit transmit);
}
