using System.Text;

namespace PeopleSwarm.Protomux.Protocol;

/// <summary>What happens; called from inside <see cref="MuxMachine"/>, which must not be called back.</summary>
internal interface IMuxEvents
{
    /// <summary>Both sides have opened.</summary>
    void OnOpened(LocalChannel channel, byte[] handshake);

    /// <summary>A message waits in <see cref="LocalChannel.Messages"/>.</summary>
    void OnMessage(LocalChannel channel);

    /// <summary>The peer closed the channel or did not want it.</summary>
    void OnClosed(LocalChannel channel);

    /// <summary>The peer opened what we have not; <see cref="MuxMachine.Decided"/> is to be called once it is known whether anybody takes it.</summary>
    void OnPeerOpened(NameState name);
}

/// <summary>Why a peer's message cannot be followed.</summary>
internal enum MuxFault
{
    None,
    Malformed,
    InvalidOpen,
    InvalidReject,
    TooManyChannels,
    TooManyMessages,
}

/// <summary>The multiplexer without tasks and streams: messages in, messages out. One caller at a time.</summary>
/// <remarks>Spec: hyperdht, 10.2; docs/pitfalls.md, section O. Data carries the sender's number of the channel, as openings and closings do.</remarks>
internal sealed class MuxMachine(ProtomuxOptions options, IMuxEvents events)
{
    private const int MessageOverhead = 512; // what a message costs beside its bytes, as the reference counts

    private readonly Dictionary<MuxName, NameState> _names = [];
    private readonly List<LocalChannel?> _local = [];
    private readonly Stack<int> _freeLocal = new();
    private readonly List<RemoteSlot?> _remote = [];
    private readonly Dictionary<int, NameState> _unanswered = [];
    private readonly Queue<byte[]> _frames = new();
    private readonly List<BatchEntry> _batch = [];
    private int _corks, _batchBytes, _pendingOpens;

    /// <summary>Bytes of messages and openings nobody took, each with what it costs beside.</summary>
    public long BufferedBytes { get; private set; }

    /// <summary>Messages for gone channels or of kinds nobody could have sent on purpose.</summary>
    public long Ignored { get; private set; }

    /// <summary>Messages to be sent.</summary>
    public int FrameCount => _frames.Count;

    /// <summary>Channels of ours not closed.</summary>
    public int ChannelCount { get; private set; }

    /// <summary>Names under way, on either side.</summary>
    public int NameCount => _names.Count;

    public bool TryTakeFrame(out byte[] frame) => _frames.TryDequeue(out frame!);

    /// <summary>Opens a channel; null if there is one of the name and it is to be the only one, or there are too many.</summary>
    public LocalChannel? Open(MuxName name, ReadOnlySpan<byte> handshake, bool isUnique, object owner)
    {
        if (_freeLocal.Count == 0 && _local.Count >= options.MaxChannels) return null;
        var state = NameOf(name);
        if (isUnique && state.Opened > 0) return null;
        int localId;
        if (_freeLocal.TryPop(out int free)) localId = free;
        else
        {
            _local.Add(null);
            localId = _local.Count;
        }
        var channel = new LocalChannel(state, localId, owner);
        _local[localId - 1] = channel;
        state.Opened++;
        ChannelCount++;
        Send(0, MuxFrame.OpenEntry(localId, name, handshake));
        if (!state.Incoming.TryDequeue(out int remoteId))
        {
            state.Outgoing.AddLast(localId);
            _unanswered[localId] = state;
            return channel;
        }
        var slot = _remote[remoteId - 1]!;
        _pendingOpens--;
        BufferedBytes -= CostOf(slot);
        Pair(channel, remoteId, slot);
        return channel;
    }

    /// <summary>False if the channel is closed.</summary>
    public bool TrySend(LocalChannel channel, int type, ReadOnlySpan<byte> body)
    {
        if (channel.State == ChannelState.Closed) return false;
        Send(channel.LocalId, MuxFrame.MessageEntry(type, body));
        return true;
    }

    /// <summary>Closes a channel, unless the peer did, and drops what nobody took.</summary>
    public void Close(LocalChannel channel)
    {
        foreach (var message in channel.Messages) BufferedBytes -= CostOf(message);
        channel.Messages.Clear();
        if (channel.State == ChannelState.Closed) return;
        Send(0, MuxFrame.ControlEntry(ControlType.Close, channel.LocalId));
        Drop(channel);
    }

    public bool TryTake(LocalChannel channel, out ProtomuxMessage message)
    {
        if (!channel.Messages.TryDequeue(out message)) return false;
        BufferedBytes -= CostOf(message);
        return true;
    }

    /// <summary>A handler is done: openings of the name that nobody took are rejected, unless another still decides.</summary>
    public void Decided(NameState name)
    {
        if (--name.Deciding > 0) return;
        while (name.Incoming.TryDequeue(out int remoteId)) Reject(remoteId);
        Forget(name);
    }

    public void Cork() => _corks++;

    public void Uncork()
    {
        if (--_corks == 0) FlushBatch();
    }

    /// <summary>Takes one message of the peer; after a fault the connection is to be broken. Corked by the caller, a batch is answered by a batch.</summary>
    public MuxFault Receive(ReadOnlySpan<byte> frame)
    {
        if (frame.IsEmpty) return MuxFault.None;
        var reader = new MuxReader(frame);
        if (!reader.TryReadUInt(out long id)) return MuxFault.Malformed;
        return Decode(id, ref reader, isInBatch: false);
    }

    private MuxFault Decode(long remoteId, ref MuxReader reader, bool isInBatch)
    {
        if (!reader.TryReadUInt(out long type)) return MuxFault.Malformed;
        if (remoteId != 0)
        {
            OnMessage(remoteId, type, reader.Rest);
            return MuxFault.None;
        }
        switch (type)
        {
            case (long)ControlType.Batch:
                return isInBatch ? MuxFault.Malformed : OnBatch(ref reader);
            case (long)ControlType.Open:
                return OnOpen(ref reader);
            case (long)ControlType.Reject:
                return OnReject(ref reader);
            case (long)ControlType.Close:
                return OnClose(ref reader);
            default:
                Ignored++;
                return MuxFault.None;
        }
    }

    private void OnMessage(long remoteId, long type, ReadOnlySpan<byte> body)
    {
        var slot = remoteId <= _remote.Count ? _remote[(int)remoteId - 1] : null;
        if (slot is null || type > int.MaxValue)
        {
            Ignored++; // sent before the peer knew that the channel is gone
            return;
        }
        var message = new ProtomuxMessage((int)type, body.ToArray());
        BufferedBytes += CostOf(message);
        if (slot.Channel is not { } channel)
        {
            slot.Pending.Enqueue(message);
            return;
        }
        channel.Messages.Enqueue(message);
        events.OnMessage(channel);
    }

    private MuxFault OnBatch(ref MuxReader reader)
    {
        if (!reader.TryReadUInt(out long remoteId)) return MuxFault.Malformed;
        var fault = MuxFault.None;
        int messages = 0;
        while (fault == MuxFault.None && !reader.Rest.IsEmpty)
        {
            if (!reader.TryReadUInt(out long length) || (length == 0 && !reader.TryReadUInt(out remoteId))) fault = MuxFault.Malformed;
            else if (length == 0) continue;
            else if (!reader.TryReadBytes(length, out var bytes)) fault = MuxFault.Malformed;
            else if (++messages > options.MaxBatchMessages) fault = MuxFault.TooManyMessages;
            else
            {
                var entry = new MuxReader(bytes);
                fault = Decode(remoteId, ref entry, isInBatch: true);
            }
        }
        return fault;
    }

    private MuxFault OnOpen(ref MuxReader reader)
    {
        if (!reader.TryReadUInt(out long id) || !reader.TryReadBuffer(out var protocol) || !reader.TryReadBuffer(out var nameId)) return MuxFault.Malformed;
        if (id == 0)
        {
            Ignored++; // a reject of channel 0 would break the reference
            return MuxFault.None;
        }
        if (id > _remote.Count + 1) return MuxFault.InvalidOpen;
        if (id > options.MaxChannels) return MuxFault.TooManyChannels;
        if (id == _remote.Count + 1) _remote.Add(null);
        int remoteId = (int)id;
        if (_remote[remoteId - 1] is not null) return MuxFault.InvalidOpen;

        var name = NameOf(new(Encoding.UTF8.GetString(protocol), nameId.ToArray()));
        if (name.Outgoing.First is { } first)
        {
            name.Outgoing.RemoveFirst();
            _unanswered.Remove(first.Value);
            if (_local[first.Value - 1] is { } channel)
            {
                Pair(channel, remoteId, _remote[remoteId - 1] = new(name, reader.Rest.ToArray()));
                return MuxFault.None;
            }
            _freeLocal.Push(first.Value); // we closed it meanwhile, which the peer learns from our close
            Forget(name);
            return MuxFault.None;
        }
        var slot = _remote[remoteId - 1] = new(name, reader.Rest.ToArray());
        BufferedBytes += CostOf(slot);
        if (_pendingOpens++ >= options.MaxPendingOpens || CostOf(slot) > options.MaxBufferedBytes)
        {
            Reject(remoteId);
            Forget(name);
            return MuxFault.None;
        }
        name.Incoming.Enqueue(remoteId);
        name.Deciding++;
        events.OnPeerOpened(name);
        return MuxFault.None;
    }

    private MuxFault OnReject(ref MuxReader reader)
    {
        if (!reader.TryReadUInt(out long id)) return MuxFault.Malformed;
        if (id > int.MaxValue || !_unanswered.Remove((int)id, out var name)) return MuxFault.InvalidReject;
        name.Outgoing.Remove((int)id);
        if (_local[(int)id - 1] is { } channel)
        {
            Drop(channel);
            events.OnClosed(channel);
        }
        _freeLocal.Push((int)id);
        Forget(name);
        return MuxFault.None;
    }

    private MuxFault OnClose(ref MuxReader reader)
    {
        if (!reader.TryReadUInt(out long id)) return MuxFault.Malformed;
        var slot = id > 0 && id <= _remote.Count ? _remote[(int)id - 1] : null;
        if (slot is null)
        {
            Ignored++;
        }
        else if (slot.Channel is { } channel)
        {
            Drop(channel);
            events.OnClosed(channel);
        }
        else
        {
            // Closed before we took it: the reject lets the peer use its number again.
            RemoveFrom(slot.Name.Incoming, (int)id);
            Reject((int)id);
            Forget(slot.Name);
        }
        return MuxFault.None;
    }

    private void Pair(LocalChannel channel, int remoteId, RemoteSlot slot)
    {
        byte[] handshake = slot.Handshake;
        (slot.Channel, slot.Handshake) = (channel, []);
        (channel.RemoteId, channel.State) = (remoteId, ChannelState.Open);
        foreach (var message in slot.Pending) channel.Messages.Enqueue(message);
        slot.Pending.Clear();
        events.OnOpened(channel, handshake);
        if (channel.Messages.Count != 0) events.OnMessage(channel);
    }

    /// <summary>Ends a channel of ours; its number is free once the peer has answered the opening.</summary>
    private void Drop(LocalChannel channel)
    {
        channel.State = ChannelState.Closed;
        _local[channel.LocalId - 1] = null;
        ChannelCount--;
        channel.Name.Opened--;
        if (channel.RemoteId != 0)
        {
            _remote[channel.RemoteId - 1] = null;
            _freeLocal.Push(channel.LocalId);
        }
        Forget(channel.Name);
    }

    private void Reject(int remoteId)
    {
        var slot = _remote[remoteId - 1]!;
        _pendingOpens--;
        BufferedBytes -= CostOf(slot);
        foreach (var message in slot.Pending) BufferedBytes -= CostOf(message);
        _remote[remoteId - 1] = null;
        Send(0, MuxFrame.ControlEntry(ControlType.Reject, remoteId));
    }

    private void Send(int localId, byte[] entry)
    {
        if (_corks == 0)
        {
            _frames.Enqueue(MuxFrame.Single(localId, entry));
            return;
        }
        if (_batch.Count >= options.MaxBatchMessages || _batch.Count != 0 && _batchBytes + entry.Length > options.MaxBatchBytes) FlushBatch();
        _batch.Add(new(localId, entry));
        _batchBytes += entry.Length;
    }

    private void FlushBatch()
    {
        if (_batch.Count == 1) _frames.Enqueue(MuxFrame.Single(_batch[0].LocalId, _batch[0].Bytes));
        else if (_batch.Count != 0) _frames.Enqueue(MuxFrame.Batch(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_batch)));
        _batch.Clear();
        _batchBytes = 0;
    }

    private NameState NameOf(MuxName name)
    {
        if (_names.TryGetValue(name, out var state)) return state;
        return _names[name] = new(name);
    }

    private void Forget(NameState name)
    {
        if (name.IsIdle) _names.Remove(name.Name);
    }

    private static void RemoveFrom(Queue<int> queue, int value)
    {
        for (int i = queue.Count; i > 0; i--)
        {
            int item = queue.Dequeue();
            if (item != value) queue.Enqueue(item);
        }
    }

    private static long CostOf(in ProtomuxMessage message) => MessageOverhead + message.Body.Length;

    /// <summary>Of an opening nobody took; its messages count by themselves.</summary>
    private static long CostOf(RemoteSlot slot) =>
        MessageOverhead + Encoding.UTF8.GetByteCount(slot.Name.Name.Protocol) + slot.Name.Name.Id.Length + slot.Handshake.Length;
}
