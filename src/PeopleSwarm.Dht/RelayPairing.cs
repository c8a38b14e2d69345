using PeopleSwarm.Dht.BlindRelay;
using PeopleSwarm.Dht.Connect;
using PeopleSwarm.Dht.Messages;

namespace PeopleSwarm.Dht;

/// <summary>One stream that a relay is asked to pair, and that goes through it afterwards; ends with the stream.</summary>
internal sealed class RelayPairing : IRelayPairing
{
    private static readonly TimeSpan s_linger = TimeSpan.FromSeconds(3); // for the peer to ask for the last words again

    private readonly RelayThroughInfo _relay;
    private readonly IReliableStream _stream;
    private readonly RelayPairingEvents _events;
    private readonly Action<Action<Timestamp>> _post;
    private readonly Action _settled;
    private readonly TimeProvider _time;
    private readonly ITimer _limit;
    private RelayClient? _client;
    private int _isSettled;
    private volatile bool _isEnded;

    /// <param name="relay">The relay and the token.</param>
    /// <param name="isInitiator">Whether the relay is our choice.</param>
    /// <param name="stream">Our stream.</param>
    /// <param name="events">Who hears of it.</param>
    /// <param name="post">Brings work to the loop.</param>
    /// <param name="settled">Called once, when the pairing is made or given up.</param>
    /// <param name="limit">Time to be paired in.</param>
    /// <param name="time">Whose time.</param>
    public RelayPairing(RelayThroughInfo relay, bool isInitiator, IReliableStream stream, RelayPairingEvents events, Action<Action<Timestamp>> post,
        Action settled, TimeSpan limit, TimeProvider time)
    {
        (_relay, IsInitiator, _stream, _events, _post, _settled, _time) = (relay, isInitiator, stream, events, post, settled, time);
        _limit = time.CreateTimer(static pairing => ((RelayPairing)pairing!).OnLimit(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _limit.Change(limit, Timeout.InfiniteTimeSpan); // not before it is ours, or it could run out without us
    }

    public Topic Token => _relay.Token;

    public bool IsInitiator { get; }

    public byte[] Encode() => new PairMessage(IsInitiator, _relay.Token, _stream.LocalId).Encode();

    /// <summary>Whether the relay has answered, or nobody waits for it any more.</summary>
    public bool IsSettled => Volatile.Read(ref _isSettled) != 0;

    /// <summary>The connection that asks for it.</summary>
    public void Start(RelayClient client)
    {
        _client = client;
        _ = EndWithStreamAsync();
    }

    public void End()
    {
        _isEnded = true;
        Settle(null, "it was given up");
        _client?.Remove(this);
    }

    public void OnPaired(RelayLeg leg) => Settle(leg);

    /// <summary>The relay said that it will not pair us.</summary>
    public void OnRefused() => Settle(null, "it refused to pair us");

    /// <summary>The connection to the relay is gone.</summary>
    public void OnRelayLost(string reason)
    {
        if (Settle(null, $"the connection to it ended: {reason}") || _isEnded) return;
        _post(now => _events.Lost(now, reason));
    }

    private void OnLimit()
    {
        if (Settle(null, "it did not pair us in time")) _client?.Remove(this);
    }

    private bool Settle(RelayLeg? leg, string reason = "")
    {
        if (Interlocked.Exchange(ref _isSettled, 1) != 0) return false;
        _limit.Dispose();
        _settled();
        _post(now => _events.Paired(now, leg, reason));
        return true;
    }

    private async Task EndWithStreamAsync()
    {
        var close = await _stream.Closed.ConfigureAwait(false); // never faults
        if (close.Reason == StreamCloseReason.Completed) await Task.Delay(s_linger, _time).ConfigureAwait(false);
        End();
    }
}
