using System.Net.Sockets;

namespace PeopleSwarm.Udx;

/// <summary>A call of the system that takes several datagrams of one sender at once, where a socket was told to put them together.</summary>
internal interface ICoalescedReceive
{
    /// <summary>Room for the longest message.</summary>
    const int MaxMessage = 64 * 1024;

    /// <summary>Puts datagrams together from now on, or no longer; false if the system refuses.</summary>
    bool TrySwitch(bool isOn);

    /// <summary>Takes one message that waits, if there is one.</summary>
    /// <param name="buffer"><see cref="MaxMessage"/> bytes.</param>
    /// <param name="from">Receives the sender's socket address.</param>
    /// <param name="length">Bytes of all its datagrams.</param>
    /// <param name="segmentSize">Bytes of each datagram but the last; 0 if the system does not tell, which it does not for a single one.</param>
    /// <returns><see cref="SocketError.WouldBlock"/> if none waits.</returns>
    /// <exception cref="ObjectDisposedException">The socket is closed.</exception>
    SocketError Receive(Span<byte> buffer, Span<byte> from, out int length, out int segmentSize);
}
