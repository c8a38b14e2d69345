using PeopleSwarm.Dht.Messages;
using PeopleSwarm.Dht.Rpc;
using PeopleSwarm.Dht.TestKit;

namespace PeopleSwarm.Dht.Announcing;

public class TopicQueryTests
{
    private static readonly KeyPair s_key = PeerKit.Key(1);
    private static readonly NodeId s_topic = new(Enumerable.Repeat((byte)0xaa, 32).ToArray());
    private static readonly UdpEndPoint[] s_nodes = Enumerable.Range(1, 4).Select(i => new UdpEndPoint(0x05000000u + (uint)i, (ushort)(1000 + i))).ToArray();
    private static readonly Timestamp s_now = new(1);
    private readonly FakeEngine _engine = new();
    private readonly RecordingObserver _observer = new();
    private readonly AnnounceSigner _signer = new(PeerKit.Crypto, PeerKit.Namespaces);

    [Fact]
    public void E6_each_storing_node_gets_a_signature_of_its_own()
    {
        Start(withdraw: false);
        _engine.Query.Finish(s_now, s_nodes.Select(n => PeerKit.Response(n)).ToArray());
        Assert.Equal(s_nodes, _engine.Calls.Select(c => c.Request.To));
        foreach (var call in _engine.Calls)
        {
            Assert.True(AnnounceMessage.TryRead(call.Request.Value!.Value.Span, out var message));
            Assert.True(_signer.VerifyAnnounce(s_topic, PeerKit.IdOf(call.Request.To), PeerKit.Token, message));
            Assert.Equal(s_nodes[3], Assert.Single(message.Peer!.RelayAddresses)); // I6
        }
        Assert.Null(_observer.Outcome);
        foreach (var call in _engine.Open.ToArray()) call.Answer(s_now);
        Assert.Equal((4, RpcFailure.None), (_observer.Outcome!.Committed, _observer.Outcome.Failure));
    }

    [Fact]
    public void E10_withdrawals_go_where_the_key_is_listed_or_may_be_and_precede_the_announcements()
    {
        Start(withdraw: true);
        Reply(s_nodes[0], PeerKit.Key(1), PeerKit.Key(2));
        Reply(s_nodes[1], PeerKit.Key(2));
        Reply(s_nodes[2], Enumerable.Range(10, 20).Select(i => PeerKit.Key((byte)i)).ToArray()); // full: the key may be hidden
        Assert.Equal([s_nodes[0], s_nodes[2]], _engine.OpenOf(PeerCommand.Unannounce).Select(c => c.Request.To));
        _engine.Query.Finish(s_now, PeerKit.Response(s_nodes[1]));
        Assert.Empty(_engine.OpenOf(PeerCommand.Announce));
        var open = _engine.OpenOf(PeerCommand.Unannounce).ToArray();
        Assert.True(AnnounceMessage.TryRead(open[0].Request.Value!.Value.Span, out var message));
        Assert.True(_signer.VerifyUnannounce(s_topic, PeerKit.IdOf(s_nodes[0]), PeerKit.Token, message));
        open[0].Answer(s_now);
        open[1].TimeOut(s_now);
        _engine.OpenOf(PeerCommand.Announce).Single().Answer(s_now);
        Assert.Equal(1, _observer.Outcome!.Committed);
        Assert.Equal(3, _observer.Replies.Count);
    }

    [Fact]
    public void A_withdrawal_alone_ends_when_all_nodes_know()
    {
        Start(withdraw: true, announce: false);
        Reply(s_nodes[0], s_key);
        _engine.Query.Finish(s_now, PeerKit.Response(s_nodes[0]));
        Assert.Null(_observer.Outcome);
        _engine.OpenOf(PeerCommand.Unannounce).Single().Answer(s_now);
        Assert.NotNull(_observer.Outcome);
        Assert.Empty(_engine.OpenOf(PeerCommand.Announce));
    }

    [Fact]
    public void S17_a_refused_token_is_replaced_once_and_other_errors_are_refusals()
    {
        Start(withdraw: false);
        _engine.Query.Finish(s_now, s_nodes.Select(n => PeerKit.Response(n)).ToArray());
        var calls = _engine.Open.ToArray();
        var fresh = new byte[32];
        calls[0].Answer(s_now, error: RpcErrors.InvalidToken, token: fresh);
        calls[1].Answer(s_now, error: 16);
        calls[2].TimeOut(s_now);
        calls[3].TimeOut(s_now);
        var again = _engine.Open.Single();
        Assert.Equal(s_nodes[0], again.Request.To);
        Assert.Equal(fresh, again.Request.Token!.Value.ToArray());
        again.Answer(s_now, error: RpcErrors.InvalidToken, token: fresh);
        Assert.Equal((0, RpcErrors.InvalidToken, RpcFailure.None), (_observer.Outcome!.Committed, _observer.Outcome.LastCommitError, _observer.Outcome.Failure));
    }

    [Fact]
    public void E5_nodes_without_a_token_are_passed_over_and_silence_is_a_time_out()
    {
        Start(withdraw: false);
        _engine.Query.Finish(s_now, PeerKit.Response(s_nodes[0]) with { Token = null }, PeerKit.Response(s_nodes[1]));
        _engine.Open.Single().TimeOut(s_now);
        Assert.Equal((0, RpcFailure.TimedOut), (_observer.Outcome!.Committed, _observer.Outcome.Failure));
    }

    [Fact]
    public void Cancelling_in_either_phase_ends_once()
    {
        var walking = Start(withdraw: true);
        Reply(s_nodes[0], s_key);
        walking.Cancel(s_now);
        Assert.True(_engine.Query.IsCancelled);
        _engine.Query.Finish(s_now);
        Assert.Equal(RpcFailure.Cancelled, _observer.Outcome!.Failure);
        Assert.All(_engine.Calls, c => Assert.True(c.IsCancelled));

        var engine = new FakeEngine();
        var observer = new RecordingObserver();
        var committing = new TopicQuery(engine, _signer, new(s_key, new(s_key.PublicKey, []), 0, Withdraw: false), s_topic, observer);
        committing.Start(s_now, new(s_topic, PeerCommand.Lookup));
        engine.Query.Finish(s_now, PeerKit.Response(s_nodes[0]));
        committing.Cancel(s_now);
        foreach (var call in engine.Calls) call.FinishCancel(s_now);
        Assert.Equal(RpcFailure.Cancelled, observer.Outcome!.Failure);
    }

    private TopicQuery Start(bool withdraw, bool announce = true)
    {
        var query = new TopicQuery(_engine, _signer, new(s_key, announce ? new(s_key.PublicKey, [s_nodes[3]]) : null, 0, withdraw), s_topic, _observer);
        query.Start(s_now, new(s_topic, PeerCommand.Lookup));
        return query;
    }

    private void Reply(UdpEndPoint from, params KeyPair[] listed) =>
        _engine.Query.Reply(s_now, PeerKit.Response(from, LookupReplyCodec.Encode(listed.Select(k => PeerRecordCodec.Encode(new(k.PublicKey, []))).ToArray(), 0)));
}
