using System.Threading.Channels;
using PeopleSwarm.Dht.Rpc;

namespace PeopleSwarm.Dht;

/// <summary>Makes what a query gives out of an answer; false to skip it.</summary>
internal delegate bool ReplyMap<T>(RpcResponse reply, out T value);

/// <summary>A query as its reader sees it: answers through a bounded buffer, the walk paused while that is full.</summary>
/// <param name="node">Whose loop it runs on.</param>
/// <param name="begin">Starts the walk, on the loop.</param>
/// <param name="map">Turns answers into values; on the loop.</param>
/// <param name="buffer">Values kept before the walk pauses; what is in flight then may follow.</param>
/// <param name="commitError">Why nothing could be committed, or what the application's commit threw; null for nothing.</param>
/// <param name="hasCommit">Whether ending without a commit is a failure.</param>
internal sealed class DhtQuery<T>(DhtNode node, Func<Timestamp, IRpcQueryObserver, IRpcQuery> begin, ReplyMap<T> map, int buffer,
    Func<Exception?>? commitError = null, bool hasCommit = false) : IDhtQuery<T>, IRpcQueryObserver
{
    private readonly Channel<T> _values = Channel.CreateUnbounded<T>(new() { SingleWriter = true }); // the one for a single reader cannot count
    private readonly TaskCompletionSource<RpcQueryOutcome> _finished = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _gate = new();
    private Task? _start;
    private IRpcQuery? _query;
    private bool _isEnumerated, _isCancelled;
    private volatile bool _dropsValues, _isPaused;
    private Exception? _mapError;

    public async IAsyncEnumerator<T> GetAsyncEnumerator(CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            if (_isEnumerated) throw new InvalidOperationException("A query is enumerated once.");
            _isEnumerated = true;
        }
        try
        {
            await StartAsync(cancellationToken).ConfigureAwait(false);
            while (await _values.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
            {
                while (_values.Reader.TryRead(out var value))
                {
                    ResumeIfDrained();
                    yield return value;
                }
            }
        }
        finally
        {
            if (!_finished.Task.IsCompleted) Cancel();
        }
        await ResultAsync().ConfigureAwait(false);
    }

    public async Task<DhtQueryResult> FinishAsync(CancellationToken cancellationToken = default)
    {
        lock (_gate) _dropsValues |= !_isEnumerated; // a reader still wants them
        using (cancellationToken.UnsafeRegister(static query => ((DhtQuery<T>)query!).Cancel(), this))
        {
            cancellationToken.ThrowIfCancellationRequested();
            await StartAsync(cancellationToken).ConfigureAwait(false);
            node.Post(_ => Pause(false));
            await _finished.Task.ConfigureAwait(false);
        }
        cancellationToken.ThrowIfCancellationRequested();
        return await ResultAsync().ConfigureAwait(false);
    }

    public ValueTask DisposeAsync()
    {
        Cancel();
        return ValueTask.CompletedTask;
    }

    void IRpcQueryObserver.OnReply(Timestamp now, RpcResponse reply)
    {
        if (_dropsValues) return;
        try
        {
            if (!map(reply, out var value)) return;
            _values.Writer.TryWrite(value);
        }
        catch (Exception error) // the application's code; told where the query ends
        {
            _mapError ??= error;
        }
        if (_values.Reader.Count >= buffer) Pause(true);
    }

    void IRpcQueryObserver.OnFinished(Timestamp now, RpcQueryOutcome outcome) => End(outcome);

    private Task StartAsync(CancellationToken cancellationToken)
    {
        Task start;
        lock (_gate) start = _start ??= StartCoreAsync();
        return start.WaitAsync(cancellationToken);
    }

    private async Task StartCoreAsync()
    {
        try
        {
            await node.StartAsync().ConfigureAwait(false);
            await node.OnLoopAsync(now =>
            {
                if (_isCancelled) End(new([], 0, 0, 0, RpcFailure.Cancelled));
                else _query = begin(now, this);
            }).ConfigureAwait(false);
        }
        catch (Exception)
        {
            End(new([], 0, 0, 0, RpcFailure.Cancelled));
            throw;
        }
    }

    private void Cancel()
    {
        lock (_gate)
        {
            if (_isCancelled) return;
            _isCancelled = true;
            if (_start is null) End(new([], 0, 0, 0, RpcFailure.Cancelled));
        }
        node.Post(now => _query?.Cancel(now));
    }

    private void End(RpcQueryOutcome outcome)
    {
        _finished.TrySetResult(outcome);
        _values.Writer.TryComplete();
    }

    private void ResumeIfDrained()
    {
        if (_isPaused && _values.Reader.Count <= buffer / 2) node.Post(_ => Pause(_values.Reader.Count >= buffer && !_dropsValues));
    }

    private void Pause(bool isPaused)
    {
        _isPaused = isPaused;
        if (_query is { } query) query.IsPaused = isPaused;
    }

    private async Task<DhtQueryResult> ResultAsync()
    {
        var outcome = await _finished.Task.ConfigureAwait(false);
        var error = _mapError ?? commitError?.Invoke();
        if (error is DhtException known) throw known;
        if (error is not null) throw new DhtException(DhtError.Destroyed, "The application's code for this query threw.", error);
        if (outcome.Failure is RpcFailure.Cancelled or RpcFailure.Suspended) throw outcome.Failure.ToException();
        if (hasCommit && outcome.ClosestReplies.Count == 0) throw new DhtException(DhtError.TooFewNodes, "No node was found to commit to.");
        if (hasCommit && outcome.Committed == 0)
        {
            throw outcome.Failure == RpcFailure.TimedOut
                ? outcome.Failure.ToException()
                : new DhtException(DhtError.CommitRefused, $"Every node refused the commit; the last error was {outcome.LastCommitError}.")
                {
                    RemoteError = outcome.LastCommitError,
                };
        }
        return new([.. outcome.ClosestReplies.Select(r => r.From)], outcome.Successes, outcome.Errors, outcome.Committed)
        {
            ClosestReplies = [.. outcome.ClosestReplies.Select(r => r.ToPublic())],
        };
    }
}
