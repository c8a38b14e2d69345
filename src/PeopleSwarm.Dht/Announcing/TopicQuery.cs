using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Dht.Rpc;

namespace PeopleSwarm.Dht.Announcing;

/// <summary>What a topic's look-up also does.</summary>
/// <param name="KeyPair">Whose announcement it is about.</param>
/// <param name="Record">What is announced on the closest nodes afterwards; null for nothing.</param>
/// <param name="Bump">The bump announced with it; 0 for none.</param>
/// <param name="Withdraw">Whether earlier announcements of the key are withdrawn wherever they are listed.</param>
/// <param name="Signer">Signs where the key pair has no secret key; null where it has.</param>
internal sealed record TopicChange(KeyPair KeyPair, PeerRecord? Record, long Bump, bool Withdraw, IAnnouncementSigner? Signer = null);

/// <summary>
/// A LOOKUP that withdraws a key as it finds it and announces it in the end (spec hyperdht, 5). What is signed is signed for each
/// node with the token and id of its own answer. Announcements leave after every withdrawal was answered or given up.
/// </summary>
internal sealed class TopicQuery(IRpcEngine engine, AnnounceSigner signer, TopicChange change, NodeId target, IRpcQueryObserver observer)
    : IRpcQuery, IRpcQueryObserver
{
    private readonly List<IRpcCall> _calls = [];
    private IRpcQuery? _query;
    private RpcQueryOutcome? _outcome;
    private int _pending, _committed, _lastError;
    private bool _isCommitting, _isTimedOut, _isOver;

    public bool IsPaused
    {
        get => _query?.IsPaused ?? false;
        set
        {
            if (_query is { } query) query.IsPaused = value;
        }
    }

    public void Start(Timestamp now, RpcQueryRequest request) => _query = engine.StartQuery(now, request, this);

    public void Cancel(Timestamp now)
    {
        if (_isOver) return;
        if (_outcome is null)
        {
            _query?.Cancel(now); // its end is ours
            return;
        }
        foreach (var call in _calls) call.Cancel(now);
        End(now, _outcome with { Failure = RpcFailure.Cancelled });
    }

    public void OnReply(Timestamp now, RpcResponse reply)
    {
        if (change.Withdraw && reply is { Token: { } token, Id: { } id, Value: { } value } && MayList(value.Span)) Withdraw(now, reply.From, id, token);
        observer.OnReply(now, reply);
    }

    public void OnFinished(Timestamp now, RpcQueryOutcome outcome)
    {
        _outcome = outcome;
        if (outcome.Failure is RpcFailure.Cancelled or RpcFailure.Suspended)
        {
            foreach (var call in _calls) call.Cancel(now);
            End(now, outcome);
        }
        else if (_pending == 0)
        {
            Commit(now, outcome);
        }
    }

    /// <summary>A full answer may hide the key among those it leaves out.</summary>
    private bool MayList(ReadOnlySpan<byte> value) => LookupReplyCodec.TryRead(value, out var peers, out _)
        && (peers.Length >= Storage.StorageNode.MaxLookupRecords || Array.Exists(peers, p => p.PublicKey == change.KeyPair.PublicKey));

    private void Commit(Timestamp now, RpcQueryOutcome outcome)
    {
        _isCommitting = true;
        if (change.Record is not null)
        {
            foreach (var reply in outcome.ClosestReplies)
                if (reply is { Token: { } token, Id: { } id }) Announce(now, reply.From, id, token, isRetry: false);
        }
        if (_pending == 0) EndCommitted(now);
    }

    private void Withdraw(Timestamp now, UdpEndPoint to, NodeId id, ReadOnlyMemory<byte> token)
    {
        if (change.Signer is null)
        {
            Send(now, new(to, PeerCommand.Unannounce, target, signer.SignUnannounce(change.KeyPair, target, id, token.Span), token, ToId: id), null);
            return;
        }
        var record = new PeerRecord(change.KeyPair.PublicKey, []);
        SignElsewhere(signer.Request(SignaturePurpose.Unannounce, target, id, token, record), (at, signature) =>
            Send(at, new(to, PeerCommand.Unannounce, target, new AnnounceMessage { Peer = record, Signature = signature }.Encode(), token, ToId: id), null));
    }

    private void Announce(Timestamp now, UdpEndPoint to, NodeId id, ReadOnlyMemory<byte> token, bool isRetry)
    {
        if (change.Signer is null)
        {
            SendAnnouncement(now, to, id, token, signer.SignAnnounce(change.KeyPair, target, id, token.Span, change.Record!, change.Bump), isRetry);
            return;
        }
        SignElsewhere(signer.Request(SignaturePurpose.Announce, target, id, token, change.Record!), (at, signature) =>
            SendAnnouncement(at, to, id, token, new AnnounceMessage { Peer = change.Record, Signature = signature, Bump = change.Bump }.Encode(), isRetry));
    }

    private void SendAnnouncement(Timestamp now, UdpEndPoint to, NodeId id, ReadOnlyMemory<byte> token, byte[] value, bool isRetry) =>
        Send(now, new(to, PeerCommand.Announce, target, value, token, ToId: id), (at, outcome) =>
        {
            if (outcome.Response is not { } response) _isTimedOut |= outcome.Failure == RpcFailure.TimedOut;
            else if (response.Error == 0) _committed++;
            else if (response is { Error: RpcErrors.InvalidToken, Token: { } fresh } && !isRetry) Announce(at, to, id, fresh, isRetry: true);
            else _lastError = response.Error;
        });

    /// <summary>Goes on with the signature when it comes; without one, as if this node had not been there.</summary>
    private void SignElsewhere(SignatureRequest request, Action<Timestamp, byte[]> signed)
    {
        _pending++;
        change.Signer!.Sign(request, (now, signature) =>
        {
            if (_isOver) return;
            if (signature is not null) signed(now, signature);
            Settle(now);
        });
    }

    private void Send(Timestamp now, in RpcCallRequest request, Action<Timestamp, RpcOutcome>? done)
    {
        _pending++;
        _calls.Add(engine.Request(now, request, (at, outcome) =>
        {
            if (_isOver) return;
            done?.Invoke(at, outcome);
            Settle(at);
        }));
    }

    /// <summary>One thing less is under way.</summary>
    private void Settle(Timestamp now)
    {
        if (--_pending != 0) return;
        if (_isCommitting) EndCommitted(now);
        else if (_outcome is { } walked) Commit(now, walked);
    }

    private void EndCommitted(Timestamp now)
    {
        bool isSilent = change.Record is not null && _committed == 0 && _lastError == 0 && _isTimedOut;
        End(now, _outcome! with { Committed = _committed, LastCommitError = _lastError, Failure = isSilent ? RpcFailure.TimedOut : RpcFailure.None });
    }

    private void End(Timestamp now, RpcQueryOutcome outcome)
    {
        if (_isOver) return;
        _isOver = true;
        observer.OnFinished(now, outcome);
    }
}
