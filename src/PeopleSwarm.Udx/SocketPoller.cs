using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace PeopleSwarm.Udx;

/// <summary>Tells sockets on Linux when they can be read or written, once for each time they ask.</summary>
/// <remarks>The runtime watches its sockets for good, so one of its threads wakes for every datagram that arrives while the loop is at
/// work already. One background thread of the process waits for all sockets, as the runtime's does.</remarks>
internal sealed unsafe partial class SocketPoller
{
    public const uint Readable = 0x001, Writable = 0x004;

    private const uint Failed = 0x008 | 0x010, OneShot = 1u << 30; // EPOLLERR, EPOLLHUP; EPOLLONESHOT
    private const int CloseOnExec = 0x80000, Add = 1, Modify = 3, MaxEvents = 64;

    private static readonly Lazy<SocketPoller> s_shared = new(() => new SocketPoller());

    // struct epoll_event is packed on x86 alone.
    private static readonly int s_dataOffset = RuntimeInformation.ProcessArchitecture is Architecture.X64 or Architecture.X86 ? 4 : 8;
    private static readonly int s_eventSize = s_dataOffset + sizeof(ulong);

    private readonly ConcurrentDictionary<long, Watch> _watches = new();
    private readonly int _epoll;
    private long _lastId;

    private SocketPoller()
    {
        _epoll = CreateEpoll(CloseOnExec);
        if (_epoll < 0) throw new SocketException(Marshal.GetLastPInvokeError());
        new Thread(Run) { IsBackground = true, Name = "UDX sockets" }.UnsafeStart();
    }

    public static SocketPoller Shared => s_shared.Value;

    /// <summary>For those who poll their sockets themselves for a while.</summary>
    public BusyWait BusyWait { get; } = new();

    /// <summary>Watches a socket, for nothing yet.</summary>
    /// <param name="handle">The socket.</param>
    /// <param name="onReady">Called with what it was asked for; may be called once more than that, and after dispose.</param>
    public Watch Register(SafeHandle handle, Action<uint> onReady)
    {
        long id = Interlocked.Increment(ref _lastId);
        Watch watch = new(this, handle, id, onReady);
        _watches[id] = watch;
        if (Control(Add, handle, 0, id) == 0) return watch;
        int error = Marshal.GetLastPInvokeError();
        watch.Dispose();
        throw new SocketException(error);
    }

    private void Run()
    {
        byte* events = stackalloc byte[MaxEvents * 16];
        while (true)
        {
            int count = Wait(_epoll, events, MaxEvents, -1);
            for (int i = 0; i < count; i++)
            {
                byte* item = events + i * s_eventSize;
                if (_watches.TryGetValue(*(long*)(item + s_dataOffset), out var watch)) watch.OnEvents(*(uint*)item);
            }
        }
    }

    private int Control(int operation, SafeHandle handle, uint interest, long id)
    {
        byte* item = stackalloc byte[16];
        *(uint*)item = interest | OneShot;
        *(long*)(item + s_dataOffset) = id;
        return ControlEpoll(_epoll, operation, handle, item);
    }

    [LibraryImport("libc", EntryPoint = "epoll_create1", SetLastError = true)]
    private static partial int CreateEpoll(int flags);

    [LibraryImport("libc", EntryPoint = "epoll_ctl", SetLastError = true)]
    private static partial int ControlEpoll(int epoll, int operation, SafeHandle handle, byte* item);

    [LibraryImport("libc", EntryPoint = "epoll_wait", SetLastError = true)]
    private static partial int Wait(int epoll, byte* events, int maxEvents, int milliseconds);

    /// <summary>One socket's interest. Any thread.</summary>
    internal sealed class Watch(SocketPoller poller, SafeHandle handle, long id, Action<uint> onReady) : IDisposable
    {
        private readonly Lock _gate = new();
        private uint _interest;

        /// <summary>Asks to be told once; of what is so already at once.</summary>
        public void Ask(uint interest)
        {
            lock (_gate) Arm(_interest | interest);
        }

        /// <summary>No more calls, but for one that is under way. The socket is closed by its owner.</summary>
        public void Dispose() => poller._watches.TryRemove(id, out _);

        internal void OnEvents(uint events)
        {
            uint ready;
            lock (_gate)
            {
                ready = (events & Failed) != 0 ? _interest : events & _interest;
                uint rest = _interest & ~ready;
                _interest = 0;
                if (rest != 0) Arm(rest);
            }
            if (ready != 0) onReady(ready);
        }

        private void Arm(uint interest)
        {
            try
            {
                _interest = interest;
                poller.Control(Modify, handle, interest, id);
            }
            catch (ObjectDisposedException)
            {
                // closed: its owner knows
            }
        }
    }
}
