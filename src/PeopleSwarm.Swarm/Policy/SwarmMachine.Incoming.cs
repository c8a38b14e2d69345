namespace PeopleSwarm.Swarm.Policy;

/// <summary>What is known of a stranger before its handshake is answered.</summary>
internal enum Screening
{
    /// <summary>Refused without asking anybody.</summary>
    Refuse,

    /// <summary>The application's firewall decides.</summary>
    Ask,
}

internal sealed partial class SwarmMachine
{
    /// <summary>Whether a peer that knocks is worth asking the firewall about.</summary>
    /// <remarks>Spec: hyperswarm, 6.4.</remarks>
    public Screening Screen(PublicKey remote)
    {
        if (IsDestroyed || IsSuspended || remote == _self || IsBanned(remote)) return Screening.Refuse;
        if (_connections.HasRoomForIncoming(remote)) return Screening.Ask;
        RefusedConnections++;
        return Screening.Refuse;
    }

    /// <summary>The firewall refused a peer that knocked.</summary>
    public void Refused(PublicKey remote, string reason)
    {
        if (IsDestroyed || IsBanned(remote)) return;
        var peer = _peers.GetOrAdd(remote);
        Ban(peer);
        _actions.Enqueue(new SwarmAction.Banned(peer, reason));
    }

    /// <summary>An incoming connection: admitted, put in the place of an existing one, or broken.</summary>
    /// <remarks>Spec: hyperswarm, 6.4 and 6.5.</remarks>
    public void Incoming(IPeerConnection connection)
    {
        var remote = connection.RemotePublicKey;
        if (IsDestroyed || IsSuspended || remote == _self || IsBanned(remote))
        {
            Reject(connection, "The connection is not wanted.");
            return;
        }
        if (_connections.Find(remote) is not { } existing)
        {
            Admit(connection);
            return;
        }
        if (existing.Replacement is { } pending)
        {
            bool isEstablished = pending.Channel is { RawBytesRead: > 0, RawBytesWritten: > 0 };
            bool keepsNew = pending.Closed.IsCompleted || ConnectionSet.KeepsIncoming(_self, remote, isEstablished);
            Reject(keepsNew ? pending : connection, "Duplicate connection");
            if (keepsNew) existing.Replacement = connection;
            return;
        }
        if (!_connections.HasRoomForIncoming(remote) || !ConnectionSet.KeepsIncoming(_self, remote, existing.IsEstablished))
        {
            if (existing.Connection is not null) _actions.Enqueue(new SwarmAction.Probe(existing)); // the peer may have lost it
            Reject(connection, "Duplicate connection");
            return;
        }
        existing.Replacement = connection;
        Break(existing, "Duplicate connection");
    }

    private void Admit(IPeerConnection connection)
    {
        if (!_connections.HasRoomForIncoming(connection.RemotePublicKey))
        {
            RefusedConnections++;
            Reject(connection, "Too many incoming connections");
            return;
        }
        var peer = _peers.GetOrAdd(connection.RemotePublicKey);
        peer.IsClient = peer.IsDue = false;
        if (_queue.Remove(peer) || peer.IsExplicit) _flushes.Settle(peer.PublicKey);
        var link = new Link(peer, LinkDirection.Server) { Connection = new(connection, peer) };
        _connections.Add(link);
        _serverOpened++;
        _actions.Enqueue(new SwarmAction.Opened(link));
        Update();
    }

    private void AdmitReplacement(Link closed)
    {
        if (closed.Replacement is not { } connection) return;
        closed.Replacement = null;
        if (IsDestroyed || IsSuspended || IsBanned(connection.RemotePublicKey)) Reject(connection, "The connection is not wanted.");
        else if (!connection.Closed.IsCompleted) Admit(connection);
    }

    private void Break(Link link, string reason)
    {
        if (link.IsBroken) return;
        link.IsBroken = true;
        if (link.Connection is { } connection) Reject(connection, reason);
        else _actions.Enqueue(new SwarmAction.CancelDial(link));
    }

    private void Reject(IPeerConnection connection, string reason) => _actions.Enqueue(new SwarmAction.Abort(connection, reason));

    private bool IsBanned(PublicKey key) => _peers.TryGet(key, out var peer) && peer.IsBanned;
}
