using System.Net.Sockets;
using PeopleSwarm.Dht.Rpc;

namespace PeopleSwarm.Dht;

// Created → started → (suspended ⇄ running) → disposed. Transitions run one at a time; the loop itself is never waited for under a lock.
internal sealed partial class DhtNode
{
    private static readonly TimeSpan s_goodbyeTimeout = TimeSpan.FromSeconds(5), s_nameTimeout = TimeSpan.FromSeconds(10);

    public Task StartAsync(CancellationToken cancellationToken = default)
    {
        Task start;
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposal is not null, this);
            start = _start ??= StartCoreAsync();
        }
        return start.IsCompleted ? start : start.WaitAsync(cancellationToken);
    }

    public async Task WhenBootstrappedAsync(CancellationToken cancellationToken = default)
    {
        await StartAsync(cancellationToken).ConfigureAwait(false);
        await _bootstrapped.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    public async Task SuspendAsync(CancellationToken cancellationToken = default)
    {
        await StartAsync(cancellationToken).ConfigureAwait(false);
        await _transitions.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (Status.IsSuspended) return;
            await WithdrawAsync().ConfigureAwait(false);
            await SaveStateAsync().ConfigureAwait(false);
            await OnLoopAsync(_machine.Suspend).ConfigureAwait(false);
            _relayDialler.Clear();
            _rawStreams.Abort(new DhtException(DhtError.Suspended, "The node was suspended."));
            _sockets.Close();
            DhtLog.Suspended(_logger);
        }
        finally
        {
            _transitions.Release();
        }
    }

    public async Task ResumeAsync(CancellationToken cancellationToken = default)
    {
        await StartAsync(cancellationToken).ConfigureAwait(false);
        await _transitions.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (!Status.IsSuspended) return;
            var sockets = _sockets.Bind();
            await OnLoopAsync(now =>
            {
                _machine.Resume(now, sockets);
                _peers.Resume(now);
            }).ConfigureAwait(false);
            DhtLog.Resumed(_logger, _sockets.Local);
        }
        finally
        {
            _transitions.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        Task disposal;
        IAsyncDisposable? owner;
        lock (_gate)
        {
            disposal = _disposal ??= DisposeCoreAsync();
            (owner, Owner) = (Owner, null); // it disposes the node once more, and must not wait for itself
        }
        await disposal.ConfigureAwait(false);
        if (owner is not null) await owner.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Runs <paramref name="work"/> on the loop and completes after it.</summary>
    /// <exception cref="DhtException">The node was disposed first.</exception>
    internal async Task OnLoopAsync(Action<Timestamp> work)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Post(now =>
        {
            try
            {
                work(now);
                done.TrySetResult();
            }
            catch (Exception error) // goes to the caller, who made the mistake
            {
                done.TrySetException(error);
            }
        });
        await UntilDisposedAsync(done.Task).ConfigureAwait(false);
    }

    /// <summary>Runs <paramref name="work"/> on the loop, in the order posted.</summary>
    internal void Post(Action<Timestamp> work) => _host.Post(static state =>
    {
        var (node, work) = ((DhtNode, Action<Timestamp>))state!;
        work(node._host.Now);
    }, (this, work));

    private async Task UntilDisposedAsync(Task task)
    {
        try
        {
            await task.WaitAsync(_lifetime.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_lifetime.IsCancellationRequested)
        {
            if (!task.IsCompleted) throw new DhtException(DhtError.Destroyed, "The node was disposed.");
            await task.ConfigureAwait(false);
        }
    }

    private async Task StartCoreAsync()
    {
        await Task.Yield(); // not under the caller's lock
        var sockets = _sockets.Bind();
        _host.SocketFailed += OnSocketFailed;
        _home = _services.LocalNetwork.Addresses is [var first, ..] ? first : default;
        _services.LocalNetwork.Changed += OnInterfacesChanged;
        _sleepWatch = new(_services.Time, OnSlept);
        await LoadStateAsync().ConfigureAwait(false);
        await OnLoopAsync(now =>
        {
            _peers.Start(now);
            _machine.Start(now, sockets);
        }).ConfigureAwait(false);
        await ProveLocalAddressesAsync().ConfigureAwait(false);
        DhtLog.Listening(_logger, _sockets.Local, _sockets.Client);
    }

    /// <summary>So that the first peer is told what works; half a second at most.</summary>
    private async Task ProveLocalAddressesAsync()
    {
        if (_localProof is not { } proof) return;
        var settled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await OnLoopAsync(_ =>
        {
            proof.Settled = () => settled.TrySetResult();
            ListLocalAddresses();
            if (proof.NextTimeout is null) settled.TrySetResult();
        }).ConfigureAwait(false);
        await settled.Task.WaitAsync(_lifetime.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task DisposeCoreAsync()
    {
        await Task.Yield(); // not under the caller's lock
        if (_start is { } start) await start.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // or what it begins would outlive us
        _services.LocalNetwork.Changed -= OnInterfacesChanged;
        _host.SocketFailed -= OnSocketFailed;
        if (_sleepWatch is { } watch) await watch.DisposeAsync().ConfigureAwait(false);
        if (_saveTimer is { } timer) await timer.DisposeAsync().ConfigureAwait(false);
        if (_start is { IsCompletedSuccessfully: true } && !Status.IsSuspended)
        {
            await WithdrawAsync().ConfigureAwait(false);
            await SaveStateAsync().ConfigureAwait(false);
        }
        _relayKeeper.Dispose();
        _relayDialler.Clear();
        await OnLoopAsync(now =>
        {
            _peers.Destroy(now);
            _machine.Destroy(now);
        }).ConfigureAwait(false);
        _bootstrapped.TrySetException(new DhtException(DhtError.Destroyed, "The node was disposed."));
        _ = _bootstrapped.Task.Exception; // nobody need have waited for it
        await _lifetime.CancelAsync().ConfigureAwait(false);
        await _transport.DisposeAsync().ConfigureAwait(false);
        await _host.DisposeAsync().ConfigureAwait(false);
        _services.Metrics.Remove(this);
    }

    /// <summary>Tells our relays that we go; for a bounded time.</summary>
    private async Task WithdrawAsync()
    {
        var withdrawn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await OnLoopAsync(now => _peers.Suspend(now, _ => withdrawn.TrySetResult())).ConfigureAwait(false);
        using var patience = new CancellationTokenSource();
        await Task.WhenAny(withdrawn.Task, Task.Delay(s_goodbyeTimeout, _services.Time, patience.Token)).ConfigureAwait(false);
        await patience.CancelAsync().ConfigureAwait(false);
    }

    private void OnStatusChanged(Timestamp now)
    {
        RpcStatus before, after = _machine.Status;
        lock (_gate) (before, _status) = (_status, after);
        Tell(before, after);
        if (after.IsBootstrapped) _bootstrapped.TrySetResult();
        if (NeedsRelays && after.IsBootstrapped && (after.ObservedEndPoint != before.ObservedEndPoint || !before.IsBootstrapped))
            _relays.Pick(); // known when first needed
        _relayKeeper.SetNeeded(NeedsRelays && _peerOptions.KeepRelay && after is { IsBootstrapped: true, IsSuspended: false });
        bool isElsewhere = before.ObservedEndPoint is { } old && after.ObservedEndPoint is { } here && !here.HasSameAddress(old);
        if (isElsewhere || after.IsOnline && !before.IsOnline)
        {
            _peers.Refresh(now);
            RaiseLater(NetworkChanged, nameof(NetworkChanged));
        }
        RaiseLater(StatusChanged, nameof(StatusChanged));
    }

    private void Tell(in RpcStatus before, in RpcStatus after)
    {
        if (after.IsBootstrapped && !before.IsBootstrapped) DhtLog.Bootstrapped(_logger, _machine.Table.Count);
        if (after.Id is { } id && before.Id is null) DhtLog.BecamePersistent(_logger, id, after.ObservedEndPoint);
        if (after.Id is null && before.Id is not null) DhtLog.BecameEphemeral(_logger);
        if (after.ObservedEndPoint != before.ObservedEndPoint || after.IsFirewalled != before.IsFirewalled)
            DhtLog.AddressChanged(_logger, after.ObservedEndPoint, after.IsFirewalled);
        if (!after.IsOnline && before.IsOnline) DhtLog.Offline(_logger);
        if (after.IsOnline && !before.IsOnline) DhtLog.Online(_logger);
    }

    private void OnInterfacesChanged()
    {
        var addresses = _services.LocalNetwork.Addresses;
        var home = addresses.Count == 0 ? default : addresses[0];
        DhtLog.InterfacesChanged(_logger, home);
        Post(now =>
        {
            _localProof?.Forget();
            if (home == default) return; // we are nowhere, and may come back to where we were
            if (_isSocketLost) TryBindAgain(now);
            bool moved = home != _home;
            _home = home;
            if (_machine.Status.IsSuspended) return;
            if (moved)
            {
                _machine.Move(now);
                _peers.Move(now);
                _relayDialler.Check();
            }
            else
            {
                _peers.Refresh(now);
            }
            RaiseLater(NetworkChanged, nameof(NetworkChanged)); // after it: who dials now dials from the new place
        });
    }

    private void OnSlept(TimeSpan duration)
    {
        DhtLog.Slept(_logger, duration);
        Post(now =>
        {
            if (!_machine.Status.IsSuspended) _machine.WakeUp(now);
        });
    }

    /// <summary>The system took a socket away, as some do when an interface goes: both are bound again.</summary>
    private void OnSocketFailed(SocketId socket, Exception error)
    {
        DhtLog.SocketFailed(_logger, error, socket.Value);
        Post(now =>
        {
            if (!_sockets.Owns(socket)) return; // bound again for the other one that failed
            _sockets.Close();
            _machine.Suspend(now);
            TryBindAgain(now);
        });
    }

    /// <summary>Goes on with new sockets; where none can be had, when the interfaces change next.</summary>
    private void TryBindAgain(Timestamp now)
    {
        try
        {
            _machine.Resume(now, _sockets.Bind());
            _peers.Refresh(now);
            _isSocketLost = false;
        }
        catch (SocketException refused)
        {
            DhtLog.SocketLost(_logger, refused);
            _isSocketLost = true;
        }
    }

    /// <summary>Runs on the loop: the look-up itself does not.</summary>
    private void ResolveName(Timestamp now, string name) => _ = ResolveNameAsync(name);

    private async Task ResolveNameAsync(string name)
    {
        UdpEndPoint? address = null;
        try
        {
            address = await _services.Names.ResolveAsync(name, _lifetime.Token).WaitAsync(s_nameTimeout, _services.Time).ConfigureAwait(false);
            if (address is null) DhtLog.NameNotFound(_logger, null, name);
        }
        catch (Exception error) // of whatever resolver was registered: without an answer bootstrapping would never end
        {
            DhtLog.NameNotFound(_logger, error, name);
        }
        Post(now => _machine.OnNameResolved(now, name, address));
    }

    private void RaiseLater(EventHandler? handler, string name)
    {
        if (handler is null) return;
        ThreadPool.UnsafeQueueUserWorkItem(_ =>
        {
            try
            {
                handler(this, EventArgs.Empty);
            }
            catch (Exception error) // the application's; the node goes on
            {
                DhtLog.EventHandlerFailed(_logger, error, name);
            }
        }, null);
    }
}
