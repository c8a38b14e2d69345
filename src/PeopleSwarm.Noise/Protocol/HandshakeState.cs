using System.Security.Cryptography;
using System.Text.Unicode;
using PeopleSwarm.Noise.Crypto;

namespace PeopleSwarm.Noise.Protocol;

/// <summary>The algorithms of a handshake, where its fresh keys come from, and the peers' long-lived keys known already.</summary>
internal sealed record HandshakeSuite(IDiffieHellman DiffieHellman, ICipher Cipher, Func<IHash> CreateHash, IRandomSource Random, KnownKeys StaticKeys);

/// <summary>One side of a handshake: whose turn, which tokens. What fails once is broken for good.</summary>
/// <remarks>Noise Protocol Framework, revision 34, section 5.3; spec: noise-and-secretstream, 3.</remarks>
internal sealed class HandshakeState : IHandshake
{
    private const int MaxMessage = 65_535, KeySize = 32;

    private readonly HandshakeSuite _suite;
    private readonly PatternTokens _pattern;
    private readonly KeyPair _static;
    private readonly PublicKey? _expected;
    private readonly SymmetricState _symmetric;
    private KeyPair? _ephemeral;
    private PublicKey? _remoteStatic;
    private KnownKey? _knownStatic;
    private IAgreementKey? _remoteEphemeral;
    private int _step;
    private bool _broken, _disposed;

    public HandshakeState(HandshakeSuite suite, HandshakePattern pattern, HandshakeRole role, KeyPair local, PublicKey? remote, ReadOnlySpan<byte> prologue)
    {
        (_suite, _pattern, Role, _static, _expected) = (suite, PatternTokens.Of(pattern), role, local, remote);
        if (_pattern.ResponderKeyKnown && role == HandshakeRole.Initiator)
        {
            _remoteStatic = remote ?? throw new ArgumentException($"The initiator of {pattern} must know the responder's key.", nameof(remote));
            _knownStatic = suite.StaticKeys.Get(_remoteStatic.Value);
            if (!_knownStatic.Key.IsValid) throw new ArgumentException($"{remote} is not a valid {suite.DiffieHellman.Name} public key.", nameof(remote));
        }
        var hash = suite.CreateHash();
        Span<byte> name = stackalloc byte[hash.Size];
        Utf8.TryWrite(name, $"Noise_{pattern}_{suite.DiffieHellman.Name}_{suite.Cipher.Name}_{hash.Name}", out int length);
        _symmetric = new(name[..length], suite.Cipher, hash);
        _symmetric.MixHash(prologue);
        if (_pattern.ResponderKeyKnown) MixHash(_remoteStatic ?? local.PublicKey);
    }

    private HandshakeState(HandshakeState other)
    {
        (_suite, _pattern, Role, _static, _expected) = (other._suite, other._pattern, other.Role, other._static, other._expected);
        _symmetric = other._symmetric.Clone();
        _ephemeral = other._ephemeral is { } e ? new(e.PublicKey, e.SecretKey) : null;
        (_remoteStatic, _knownStatic, _remoteEphemeral) = (other._remoteStatic, other._knownStatic, other._remoteEphemeral);
        (_step, _broken) = (other._step, other._broken);
    }

    public HandshakeRole Role { get; }

    public bool IsComplete => !_broken && _step == _pattern.Messages.Length;

    public bool IsOurTurn => !_broken && _step < _pattern.Messages.Length && IsOurs(_step);

    public PublicKey? RemotePublicKey => _remoteStatic;

    public int NextMessageOverhead
    {
        get
        {
            bool hasKey = _symmetric.HasKey;
            for (int step = _step; step < _pattern.Messages.Length && !_broken; step++)
            {
                int overhead = 0;
                foreach (var token in _pattern.Messages[step])
                {
                    if (token is Token.E or Token.S) overhead += KeySize;
                    if (token is Token.S && hasKey) overhead += ChaChaPoly.TagSize;
                    hasKey |= token is not (Token.E or Token.S);
                }
                if (IsOurs(step)) return overhead + (hasKey ? ChaChaPoly.TagSize : 0);
            }
            return 0;
        }
    }

    /// <summary>The state under the messages, for whoever follows a transcript.</summary>
    internal SymmetricState Symmetric => _symmetric;

    public int WriteMessage(ReadOnlySpan<byte> payload, Span<byte> message)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (!IsOurTurn)
            throw new InvalidOperationException(_broken ? "The handshake is broken." : IsComplete ? "The handshake is over." : "It is the other side's turn.");
        int length = payload.Length + NextMessageOverhead;
        if (length > MaxMessage) throw new ArgumentException($"The message would have {length} bytes; {MaxMessage} is the limit.", nameof(payload));
        if (message.Length < length) throw new ArgumentException($"The message needs {length} bytes, not {message.Length}.", nameof(message));
        bool ok = false;
        try
        {
            int written = 0;
            foreach (var token in _pattern.Messages[_step])
            {
                if (token is Token.E or Token.S) written += WriteKey(token, message[written..]);
                else if (!TryMixKey(token)) throw new CryptographicException("The keys of this handshake share no secret.");
            }
            written += _symmetric.EncryptAndHash(payload, message[written..]);
            _step++;
            ok = true;
            return written;
        }
        finally
        {
            if (!ok) Break();
        }
    }

    public bool TryReadMessage(ReadOnlySpan<byte> message, Span<byte> payload, out int payloadLength)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        payloadLength = 0;
        if (IsComplete) return false;
        bool ok = false;
        try
        {
            ok = !_broken && !IsOurTurn && message.Length <= MaxMessage && TryRead(message, payload, out payloadLength);
            return ok;
        }
        finally
        {
            if (!ok) Break();
        }
    }

    public IHandshake Clone()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return new HandshakeState(this);
    }

    public HandshakeResult GetResult()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (!IsComplete) throw new InvalidOperationException("The handshake is not complete.");
        Span<byte> first = stackalloc byte[KeySize], second = stackalloc byte[KeySize];
        _symmetric.Split(first, second);
        var result = Role == HandshakeRole.Initiator
            ? new HandshakeResult(Role, _static.PublicKey, _remoteStatic, _symmetric.HandshakeHash, first, second)
            : new HandshakeResult(Role, _static.PublicKey, _remoteStatic, _symmetric.HandshakeHash, second, first);
        CryptographicOperations.ZeroMemory(first);
        CryptographicOperations.ZeroMemory(second);
        return result;
    }

    public void Dispose()
    {
        if (_disposed) return;
        Break();
        _disposed = true;
    }

    private bool IsOurs(int step) => (step & 1) == 0 == (Role == HandshakeRole.Initiator);

    private int WriteKey(Token token, Span<byte> message)
    {
        Span<byte> key = stackalloc byte[KeySize];
        if (token == Token.S)
        {
            _static.PublicKey.CopyTo(key);
            return _symmetric.EncryptAndHash(key, message);
        }
        _ephemeral = _suite.DiffieHellman.GenerateKeyPair(_suite.Random);
        _ephemeral.PublicKey.CopyTo(message);
        MixHash(_ephemeral.PublicKey);
        return KeySize;
    }

    private bool TryRead(ReadOnlySpan<byte> message, Span<byte> payload, out int payloadLength)
    {
        payloadLength = 0;
        Span<byte> key = stackalloc byte[KeySize];
        foreach (var token in _pattern.Messages[_step])
        {
            if (token is not (Token.E or Token.S))
            {
                if (!TryMixKey(token)) return false;
                continue;
            }
            int length = token == Token.S && _symmetric.HasKey ? KeySize + ChaChaPoly.TagSize : KeySize;
            if (message.Length < length) return false;
            if (token == Token.E)
            {
                _remoteEphemeral = _suite.DiffieHellman.Import(new(message[..length]));
                _symmetric.MixHash(message[..length]);
            }
            else
            {
                if (!_symmetric.TryDecryptAndHash(message[..length], key, out _)) return false;
                _remoteStatic = new(key);
                if (_expected is { } expected && expected != _remoteStatic) return false;
                _knownStatic = _suite.StaticKeys.Get(_remoteStatic.Value);
            }
            message = message[length..];
        }
        // Agreements validate the keys of this message; one that enters none of them is validated here, so that its message is refused.
        if (_pattern.Messages[_step] is [.., Token.E] && !_remoteEphemeral!.IsValid) return false;
        int rest = _symmetric.HasKey ? message.Length - ChaChaPoly.TagSize : message.Length;
        if (rest < 0) return false;
        if (payload.Length < rest) throw new ArgumentException($"The payload needs {rest} bytes, not {payload.Length}.", nameof(payload));
        if (!_symmetric.TryDecryptAndHash(message, payload, out payloadLength)) return false;
        _step++;
        return true;
    }

    /// <summary>Mixes in the secret of two keys: the first letter names the initiator's, the second the responder's.</summary>
    private bool TryMixKey(Token token)
    {
        bool initiatorStatic = token is Token.SE or Token.SS, responderStatic = token is Token.ES or Token.SS;
        bool initiator = Role == HandshakeRole.Initiator;
        var local = (initiator ? initiatorStatic : responderStatic) ? _static : _ephemeral;
        var remote = (initiator ? responderStatic : initiatorStatic) ? _knownStatic?.Key : _remoteEphemeral;
        if (local is null || remote is null) return false;
        Span<byte> shared = stackalloc byte[KeySize];
        bool ok = token == Token.SS ? _knownStatic!.TryAgreeAgain(local, shared) : remote.TryAgree(local, shared);
        if (ok) _symmetric.MixKey(shared);
        CryptographicOperations.ZeroMemory(shared);
        return ok;
    }

    private void MixHash(PublicKey key)
    {
        Span<byte> bytes = stackalloc byte[KeySize];
        key.CopyTo(bytes);
        _symmetric.MixHash(bytes);
    }

    private void Break()
    {
        _broken = true;
        _symmetric.Dispose();
        _ephemeral?.Dispose();
        (_knownStatic, _remoteEphemeral) = (null, null); // may hold kilobytes of multiples
    }
}
