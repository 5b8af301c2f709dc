namespace Multiplex;

/// <summary>What to wait for on a descriptor.</summary>
[Flags]
public enum Interest : byte
{
    /// <summary>Nothing. Most multiplexers report an error or a hang-up all the same, once; select(2) cannot.</summary>
    None = 0,

    /// <summary>A read would not block: there are bytes, a connection to accept, or an end of file.</summary>
    Readable = 1,

    /// <summary>A write would not block.</summary>
    Writable = 2,

    /// <summary>
    /// With <see cref="Readable"/>: what stays ready need not be reported again, so that epoll(7) looks at each event once and not twice. The
    /// end of a stream behind its last bytes is reported with them, as Readable | Writable. A hint: poll(2) and select(2) report everything.
    /// </summary>
    Edge = 4,
}

/// <summary>A descriptor that is ready, and for what.</summary>
/// <param name="Descriptor">The descriptor.</param>
/// <param name="Ready">What would not block now.</param>
public readonly record struct Readiness(int Descriptor, Interest Ready);

/// <summary>
/// Reports which descriptors are ready, and nothing else. Level-triggered: what stays ready is reported again, but with <see cref="Interest.Edge"/>.
/// An error or a hang-up is reported as readiness for at least what was asked for; the next read or write returns the error.
/// </summary>
/// <remarks>
/// The implementations are in <c>Multiplexers/</c>, a file each. A model, such as <c>PollModel</c>, passes one to its <see cref="Engine.EventLoop"/>.
/// poll(2) and epoll(7) report errors and hang-ups as Readable | Writable whatever was asked for. select(2) has no such events:
/// an error makes readable and writable what is watched for that, a hang-up readable, and where nothing is asked for nothing is
/// reported. A caller that asks for <see cref="Interest.None"/> needs another reason to go on, such as a timeout. An error or a hang-up of a
/// descriptor of which nothing is asked is reported once, until the next <see cref="IMultiplexer.Modify"/>: it would end every wait.
/// </remarks>
public interface IMultiplexer : IDisposable
{
    /// <summary>One more than the highest descriptor that it can watch.</summary>
    int DescriptorLimit { get; }

    /// <summary>Starts to watch a descriptor that is not watched yet.</summary>
    /// <exception cref="Interop.SyscallException">EBADF or EEXIST, as epoll_ctl(2) has them; EINVAL at or above the limit.</exception>
    void Add(int fd, Interest interest);

    /// <summary>Changes what a watched descriptor is watched for.</summary>
    /// <exception cref="Interop.SyscallException">ENOENT: it is not watched.</exception>
    void Modify(int fd, Interest interest);

    /// <summary>
    /// Stops watching a descriptor. Call it before closing the descriptor: one that was closed first may be reported as ready
    /// until it is removed (poll and select) or be gone already (epoll). The others are reported as ever.
    /// </summary>
    /// <exception cref="Interop.SyscallException">ENOENT: it is not watched; EBADF from epoll_ctl(2) when it was closed first.</exception>
    void Remove(int fd);

    /// <summary>Waits until at least one descriptor is ready.</summary>
    /// <param name="ready">Receives as many as fit; the rest is reported by the next call.</param>
    /// <param name="timeoutMilliseconds">-1 waits for ever, 0 not at all.</param>
    /// <returns>How many entries were filled in; 0 when the time was up or a signal came.</returns>
    int Wait(Span<Readiness> ready, int timeoutMilliseconds);
}
