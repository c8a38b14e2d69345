using PeopleSwarm.Dht.Announcing;

namespace PeopleSwarm.Dht;

/// <summary>Asks an application's signature function, off the loop, and checks what it gives.</summary>
internal sealed class SignatureSource(DhtNode node, SignatureFunction function, ICryptoSuite crypto, CancellationToken lifetime) : IAnnouncementSigner
{
    private const int SignatureSize = 64;

    private readonly Lock _gate = new();
    private DhtException? _error;
    private bool _hasSigned;

    /// <summary>Why nothing was signed; null if something was, or nothing was asked for.</summary>
    public DhtException? Error
    {
        get
        {
            lock (_gate) return _hasSigned ? null : _error;
        }
    }

    public void Sign(SignatureRequest request, Action<Timestamp, byte[]?> done) => _ = SignAsync(request, done);

    /// <summary>One signature, checked.</summary>
    /// <exception cref="DhtException">The function threw, or what it gave does not verify.</exception>
    public async Task<byte[]> SignAsync(SignatureRequest request, CancellationToken cancellationToken)
    {
        ReadOnlyMemory<byte> signature;
        try
        {
            signature = await Task.Run(() => function(request, cancellationToken).AsTask(), cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (error is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            throw new DhtException(DhtError.SigningFailed, $"The signature function for {request.PublicKey} failed: {error.Message}", error);
        }
        if (signature.Length != SignatureSize || !crypto.Verify(request.PublicKey, request.Signable.Span, signature.Span))
            throw new DhtException(DhtError.SigningFailed, $"The signature function for {request.PublicKey} gave no signature of what it was asked to sign.");
        return signature.ToArray();
    }

    private async Task SignAsync(SignatureRequest request, Action<Timestamp, byte[]?> done)
    {
        byte[]? signature = null;
        try
        {
            signature = await SignAsync(request, lifetime).ConfigureAwait(false);
            lock (_gate) _hasSigned = true;
        }
        catch (DhtException error)
        {
            lock (_gate) _error ??= error;
        }
        catch (OperationCanceledException)
        {
            return; // the node is gone, and its queries with it
        }
        node.Post(now => done(now, signature));
    }
}
