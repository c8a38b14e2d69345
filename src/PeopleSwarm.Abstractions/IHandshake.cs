using System.Security.Cryptography;

namespace PeopleSwarm;

/// <summary>Noise handshake patterns (Noise Protocol Framework, revision 34, section 7.5).</summary>
public enum HandshakePattern
{
    /// <summary>No static keys.</summary>
    NN,

    /// <summary>Static keys are sent; three messages, one and a half round trips.</summary>
    XX,

    /// <summary>The initiator knows the responder's key and sends its own last.</summary>
    XK,

    /// <summary>The initiator knows the responder's key and sends its own at once.</summary>
    IK,
}

/// <summary>Who speaks first.</summary>
public enum HandshakeRole
{
    /// <summary>Writes the first message.</summary>
    Initiator,

    /// <summary>Reads the first message.</summary>
    Responder,
}

/// <summary>Makes handshakes.</summary>
public interface IHandshakeFactory
{
    /// <summary>Begins a handshake.</summary>
    /// <param name="pattern">The pattern both sides agreed on.</param>
    /// <param name="role">Our role.</param>
    /// <param name="local">Our static key pair, with its secret key; not disposed by the handshake.</param>
    /// <param name="remote">The responder's key where the pattern asks the initiator to know it.</param>
    /// <param name="prologue">Bytes both sides must agree on; may be empty.</param>
    /// <exception cref="ArgumentException">The pattern needs <paramref name="remote"/> and it is null.</exception>
    IHandshake Create(HandshakePattern pattern, HandshakeRole role, KeyPair local, PublicKey? remote = null, ReadOnlySpan<byte> prologue = default);
}

/// <summary>A handshake under way. One caller at a time.</summary>
/// <remarks>Noise Protocol Framework, revision 34, section 5.3; spec: noise-and-secretstream, 3.</remarks>
public interface IHandshake : IDisposable
{
    /// <summary>Our role.</summary>
    HandshakeRole Role { get; }

    /// <summary>Whether the last message was written or read.</summary>
    bool IsComplete { get; }

    /// <summary>Whether the next step is ours to write.</summary>
    bool IsOurTurn { get; }

    /// <summary>The peer's static key once known.</summary>
    PublicKey? RemotePublicKey { get; }

    /// <summary>Bytes our next message is longer than its payload: 0 to 96.</summary>
    int NextMessageOverhead { get; }

    /// <summary>Writes our next message with <paramref name="payload"/> encrypted; returns its length.</summary>
    /// <param name="payload">At most 65,535 bytes together with the overhead.</param>
    /// <param name="message">Receives the message; must not overlap <paramref name="payload"/>.</param>
    /// <exception cref="InvalidOperationException">It is the other side's turn, or the handshake is over or broken.</exception>
    /// <exception cref="ArgumentException"><paramref name="message"/> is too short.</exception>
    int WriteMessage(ReadOnlySpan<byte> payload, Span<byte> message);

    /// <summary>Reads the peer's next message. On false the handshake is broken and is to be disposed.</summary>
    /// <param name="message">The whole message.</param>
    /// <param name="payload">Receives the payload; as long as the message is always enough.</param>
    /// <param name="payloadLength">Bytes of payload.</param>
    bool TryReadMessage(ReadOnlySpan<byte> message, Span<byte> payload, out int payloadLength);

    /// <summary>An independent copy at the same step, so that a forged answer cannot break the original.</summary>
    IHandshake Clone();

    /// <summary>The result; the caller disposes it.</summary>
    /// <exception cref="InvalidOperationException">The handshake is not complete.</exception>
    HandshakeResult GetResult();
}

/// <summary>What a finished handshake leaves: the keys of both directions and the hash that names the session. Zeroed on dispose.</summary>
public sealed class HandshakeResult : IDisposable
{
    private const int HashSize = 64, KeySize = 32;

    private readonly byte[] _hash, _keys; // the key of what we send, then that of what we receive

    /// <summary>Copies the parts.</summary>
    /// <param name="role">Our role.</param>
    /// <param name="localPublicKey">Our static key.</param>
    /// <param name="remotePublicKey">The peer's static key; null in patterns without.</param>
    /// <param name="hash">64 bytes.</param>
    /// <param name="sendKey">32 bytes.</param>
    /// <param name="receiveKey">32 bytes.</param>
    public HandshakeResult(HandshakeRole role, PublicKey localPublicKey, PublicKey? remotePublicKey,
        ReadOnlySpan<byte> hash, ReadOnlySpan<byte> sendKey, ReadOnlySpan<byte> receiveKey)
    {
        if (hash.Length != HashSize) throw new ArgumentException("A handshake hash is 64 bytes.", nameof(hash));
        if (sendKey.Length != KeySize) throw new ArgumentException("A key is 32 bytes.", nameof(sendKey));
        if (receiveKey.Length != KeySize) throw new ArgumentException("A key is 32 bytes.", nameof(receiveKey));
        (Role, LocalPublicKey, RemotePublicKey) = (role, localPublicKey, remotePublicKey);
        (_hash, _keys) = (hash.ToArray(), [.. sendKey, .. receiveKey]);
    }

    /// <summary>Our role.</summary>
    public HandshakeRole Role { get; }

    /// <summary>Our static key.</summary>
    public PublicKey LocalPublicKey { get; }

    /// <summary>The peer's static key; null in patterns without.</summary>
    public PublicKey? RemotePublicKey { get; }

    /// <summary>The 64-byte handshake hash, equal on both sides.</summary>
    public ReadOnlyMemory<byte> Hash => _hash;

    /// <summary>The 32-byte key of what we send.</summary>
    public ReadOnlySpan<byte> SendKey => _keys.AsSpan(0, KeySize);

    /// <summary>The 32-byte key of what we receive.</summary>
    public ReadOnlySpan<byte> ReceiveKey => _keys.AsSpan(KeySize);

    /// <summary>Zeroes the keys; the hash stays, because it names the connection.</summary>
    public void Dispose() => CryptographicOperations.ZeroMemory(_keys);
}
