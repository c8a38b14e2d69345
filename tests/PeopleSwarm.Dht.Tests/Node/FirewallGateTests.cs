using System.Collections.Concurrent;
using Microsoft.Extensions.Logging.Abstractions;

namespace PeopleSwarm.Dht.Node;

public class FirewallGateTests
{
    private const int MaxAsked = 2;

    private readonly BlockingCollection<Action<Timestamp>> _posted = [];
    private readonly ConcurrentQueue<TaskCompletionSource<bool>> _undecided = [];
    private readonly List<(int Peer, bool IsRefused)> _answers = [];
    private readonly FirewallGate _gate;
    private int _asked;

    public FirewallGateTests() => _gate = new((_, _) =>
    {
        var verdict = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        _undecided.Enqueue(verdict);
        Interlocked.Increment(ref _asked);
        return new(verdict.Task);
    }, MaxAsked, _posted.Add, NullLogger.Instance);

    [Fact]
    public void Decides_on_a_few_peers_at_once_and_refuses_more()
    {
        Ask(1);
        Ask(2);
        Ask(3);
        RunPosted();
        Assert.Equal([(3, true)], _answers);

        SpinWait.SpinUntil(() => _undecided.Count == MaxAsked, TimeSpan.FromSeconds(30));
        Assert.True(_undecided.TryDequeue(out var first));
        first.SetResult(false);
        RunPosted();
        Assert.False(_answers[1].IsRefused);

        Ask(4); // one has a place again
        SpinWait.SpinUntil(() => Volatile.Read(ref _asked) == 3, TimeSpan.FromSeconds(30));
        Assert.Equal(3, Volatile.Read(ref _asked));
    }

    private void Ask(byte peer)
    {
        byte[] key = new byte[PublicKey.Size];
        key[0] = peer;
        _gate.Ask(new(key), new(default, [], false), (_, isRefused) => _answers.Add((peer, isRefused)));
    }

    private void RunPosted()
    {
        Assert.True(_posted.TryTake(out var action, TimeSpan.FromSeconds(30)));
        action(default);
    }
}
