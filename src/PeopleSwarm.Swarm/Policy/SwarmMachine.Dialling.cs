namespace PeopleSwarm.Swarm.Policy;

internal sealed partial class SwarmMachine
{
    private const int MaxRelays = 8; // of a found peer; announcements carry three

    /// <summary>A look-up of a topic found a peer.</summary>
    /// <remarks>Spec: hyperswarm, 6.1.</remarks>
    public void Found(Timestamp now, TopicMachine topic, PeerRecord record)
    {
        if (IsSuspended || IsDestroyed || topic.IsDestroyed || record.PublicKey == _self || !topic.TryHandOn(record.PublicKey)) return;
        if (_peers.GetOrTryAdd(record.PublicKey) is not { } peer)
        {
            DroppedPeers++;
            return;
        }
        peer.RelayAddresses = [.. record.RelayAddresses.Take(MaxRelays)];
        if (peer.TryAddTopic(topic.Topic, _options.MaxTopicsPerPeer)) _actions.Enqueue(new SwarmAction.TopicFound(peer, topic.Topic));
        if (_connections.Contains(peer.PublicKey)) return;
        if (!peer.IsPrioritized || !peer.IsClient) peer.Reset();
        Enqueue(peer);
        DialNext(now);
    }

    /// <summary>Keeps a connection to a peer; our own key is ignored.</summary>
    public void JoinPeer(Timestamp now, PublicKey key)
    {
        if (key == _self) return;
        var peer = _peers.GetOrAdd(key);
        if (!peer.IsExplicit) _explicitPeers.Add(peer);
        peer.IsExplicit = true;
        if (IsSuspended || peer.IsBanned || _connections.Contains(key)) return;
        peer.TryUpdatePriority();
        peer.IsDue = true;
        DialNext(now);
    }

    /// <summary>Ends <see cref="JoinPeer"/>.</summary>
    public void LeavePeer(Timestamp now, PublicKey key)
    {
        if (!_peers.TryGet(key, out var peer) || !peer.IsExplicit) return;
        peer.IsExplicit = peer.IsDue = false;
        _explicitPeers.Remove(peer);
        if (!_connections.Contains(key) && !peer.IsQueued) _flushes.Settle(key);
        DropUnwanted(now);
        Forget(peer);
    }

    /// <summary>The firewall let a dial pass, and it began.</summary>
    public void DialStarted()
    {
        _clientAttempted++;
        Update();
    }

    /// <summary>The firewall refused a dial.</summary>
    /// <param name="now">The time.</param>
    /// <param name="link">The dial.</param>
    /// <param name="reason">Why the peer is banned; null if the firewall itself failed.</param>
    public void DialRefused(Timestamp now, Link link, string? reason)
    {
        if (!_connections.Remove(link)) return;
        if (reason is not null)
        {
            Ban(link.Peer);
            _actions.Enqueue(new SwarmAction.Banned(link.Peer, reason));
        }
        AdmitReplacement(link);
        _flushes.Settle(link.Peer.PublicKey);
        Forget(link.Peer);
        DialNext(now);
    }

    /// <summary>A dial opened.</summary>
    /// <remarks>Spec: hyperswarm, 6.3.</remarks>
    public void DialOpened(Timestamp now, Link link, IPeerConnection connection)
    {
        if (link.IsBroken || IsSuspended || IsDestroyed)
        {
            _actions.Enqueue(new SwarmAction.Abort(connection, "The connection is not wanted any more."));
            Closed(now, link, null);
            return;
        }
        _connections.Open(link, new(connection, link.Peer));
        _clientOpened++;
        link.Peer.Connected(now);
        _actions.Enqueue(new SwarmAction.Opened(link));
        _flushes.Settle(link.Peer.PublicKey);
        Update();
        DialNext(now);
    }

    /// <summary>A dial failed, or a connection closed.</summary>
    /// <param name="now">The time.</param>
    /// <param name="link">Which.</param>
    /// <param name="error">Why the dial failed, if it did and that is known.</param>
    public void Closed(Timestamp now, Link link, PeerConnectError? error)
    {
        if (!_connections.Remove(link)) return;
        var peer = link.Peer;
        bool wasDialled = link.Direction == LinkDirection.Client;
        if (wasDialled)
        {
            if (link.Connection is not null) _clientClosed++;
            if (IsRelayWorthTrying(error)) (peer.ForcesRelay, peer.Attempts) = (true, 0);
            peer.Disconnected(now);
        }
        else _serverClosed++;
        AdmitReplacement(link);
        if (!_connections.Contains(peer.PublicKey) && link.RedialsAtOnce && IsWanted(peer)) Redial(peer);
        else if (!_connections.Contains(peer.PublicKey) && (wasDialled || peer.IsExplicit) && IsWanted(peer)) _retries.TryAdd(now, peer);
        if (link.Connection is null) _flushes.Settle(peer.PublicKey);
        Forget(peer);
        Update();
        DialNext(now);
    }

    /// <summary>Whether dialling through a relay may help after this failure (spec hyperswarm, 6.3).</summary>
    private bool IsRelayWorthTrying(PeerConnectError? error) => _options.HasRelay && error is PeerConnectError.HolepunchAborted
        or PeerConnectError.HolepunchBusy or PeerConnectError.HolepunchDoubleRandomizedNats or PeerConnectError.CannotHolepunch
        or PeerConnectError.RemoteNotHolepunchable;

    private void Retry(PeerInfo peer)
    {
        if (!IsWanted(peer) || _connections.Contains(peer.PublicKey) || !peer.TryUpdatePriority())
        {
            Forget(peer);
            return;
        }
        if (peer.IsExplicit) peer.IsDue = true;
        else Enqueue(peer);
    }

    private void Redial(PeerInfo peer)
    {
        peer.Attempts = Math.Min(peer.Attempts, 1); // it was there a moment ago: before all others
        if (!peer.IsExplicit) Enqueue(peer);
        else if (peer.TryUpdatePriority()) peer.IsDue = true;
    }

    private void Enqueue(PeerInfo peer)
    {
        if (peer.TryUpdatePriority() && !_queue.TryAdd(peer)) DroppedPeers++;
        Forget(peer);
    }

    /// <summary>Dials while there are peers and room.</summary>
    /// <remarks>Spec: hyperswarm, 6.2.</remarks>
    private void DialNext(Timestamp now)
    {
        if (IsSuspended || IsDestroyed) return;
        foreach (var peer in _explicitPeers)
        {
            if (!_connections.HasFreeDial) break;
            if (IsExplicitDialDue(now, peer)) Dial(peer);
        }
        var free = FreePlaces();
        while (_queue.Count > 0 && _connections.HasRoomToDial(_explicitPeers.Count) && _queue.Take(peer => HasFreePlace(peer, free)) is { } peer)
        {
            if (peer.IsBanned || _connections.Contains(peer.PublicKey))
            {
                _flushes.Settle(peer.PublicKey);
                Forget(peer);
                continue;
            }
            TakePlace(peer, free);
            Dial(peer);
        }
        if (_connections.Connecting == 0) _flushes.CompleteAll(true); // whoever is still queued waits for room
    }

    private bool IsExplicitDialDue(Timestamp now, PeerInfo peer)
    {
        if (peer.IsBanned || _connections.Contains(peer.PublicKey)) return false;
        if (peer.IsDue) return true;
        return peer.Reconnects && peer.Attempts < 5 && peer.DisconnectedAt is { } at && now - at >= TimeSpan.FromSeconds(peer.Attempts);
    }

    private void Dial(PeerInfo peer)
    {
        _queue.Remove(peer);
        peer.IsDue = false;
        var link = new Link(peer, LinkDirection.Client);
        _connections.Add(link);
        _actions.Enqueue(new SwarmAction.Dial(link, peer.ForcesRelay));
    }

    /// <summary>Connections each limited topic may still get.</summary>
    private Dictionary<Topic, int> FreePlaces()
    {
        Dictionary<Topic, int> free = [];
        foreach (var topic in _topics.Values)
            if (topic.IsClient && topic.Limit is { } limit) free[topic.Topic] = limit;
        if (free.Count > 0)
            foreach (var link in _connections.Links) TakePlace(link.Peer, free);
        return free;
    }

    private bool HasFreePlace(PeerInfo peer, Dictionary<Topic, int> free)
    {
        if (free.Count == 0 || peer.IsExplicit || peer.IsBanned) return true;
        foreach (var topic in peer.Topics)
            if (_topics.TryGetValue(topic, out var machine) && machine.IsClient && free.GetValueOrDefault(topic, int.MaxValue) > 0) return true;
        return false;
    }

    private static void TakePlace(PeerInfo peer, Dictionary<Topic, int> free)
    {
        if (free.Count == 0) return;
        foreach (var topic in peer.Topics)
            if (free.TryGetValue(topic, out int places)) free[topic] = places - 1;
    }
}
