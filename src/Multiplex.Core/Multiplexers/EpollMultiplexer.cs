using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Multiplexers;

/// <summary>
/// epoll(7): the set stays in the kernel, which hands out only what is ready. The cost of a wait grows with the number
/// of descriptors that are ready, not with the number watched; each change of the set is a system call.
/// </summary>
public sealed class EpollMultiplexer : IMultiplexer
{
    private readonly epoll_events _events = new(512);
    private int _epoll = epoll_create1(EPOLL_CLOEXEC).OrThrow("epoll_create1");
    private bool _isWithoutNanoseconds;

    /// <inheritdoc/>
    public int DescriptorLimit => int.MaxValue;

    /// <inheritdoc/>
    public void Add(int fd, Interest interest) => Control(EPOLL_CTL_ADD, fd, EventsOf(interest), "epoll_ctl add");

    /// <inheritdoc/>
    public void Modify(int fd, Interest interest) => Control(EPOLL_CTL_MOD, fd, EventsOf(interest), "epoll_ctl modify");

    /// <inheritdoc/>
    public void Remove(int fd) => Control(EPOLL_CTL_DEL, fd, 0, "epoll_ctl remove");

    /// <inheritdoc/>
    public int Wait(Span<Readiness> ready, int timeoutMilliseconds)
    {
        return Report(epoll_wait(_epoll, _events, Math.Min(ready.Length, _events.Length), timeoutMilliseconds), ready);
    }

    /// <summary>
    /// As <see cref="Wait"/>, for a time in nanoseconds: 0 or less does not wait. From 10 ms on it may end up to 1 ms early, as
    /// epoll_wait(2) is the cheaper call; to the millisecond before Linux 5.11.
    /// </summary>
    public int WaitPrecisely(Span<Readiness> ready, long nanoseconds)
    {
        const int Millisecond = 1_000_000;
        if (nanoseconds >= 10 * Millisecond)
            return Wait(ready, (int)Math.Min(nanoseconds / Millisecond, int.MaxValue));
        if (nanoseconds <= 0 || _isWithoutNanoseconds)
            return Wait(ready, (int)Math.Clamp((nanoseconds + Millisecond - 1) / Millisecond, 0, int.MaxValue));
        SyscallResult result = epoll_pwait2(_epoll, _events, Math.Min(ready.Length, _events.Length), nanoseconds);
        if (!result.Is(ENOSYS))
            return Report(result, ready);
        _isWithoutNanoseconds = true;
        return WaitPrecisely(ready, nanoseconds);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_epoll >= 0)
            close(_epoll);
        _epoll = -1;
    }

    private int Report(SyscallResult result, Span<Readiness> ready)
    {
        if (result.Is(EINTR))
            return 0;
        int count = result.OrThrow("epoll_wait");
        for (int i = 0; i < count; i++)
            ready[i] = new((int)_events.DataOf(i), ReadyOf(_events.EventsOf(i)));
        return count;
    }

    // The text is made only for a failure: this is on the reactor's hot path.
    private void Control(int operation, int fd, uint events, string call)
    {
        SyscallResult result = epoll_ctl(_epoll, operation, fd, events);
        if (result.IsError)
            result.OrThrow(call, $"descriptor {fd}");
    }

    // An error or a hang-up is reported whatever is asked for, and cannot be masked: where nothing is, EPOLLET has it reported once.
    private static uint EventsOf(Interest interest) => interest == Interest.None
        ? EPOLLET
        : ((interest & Interest.Readable) != 0 ? EPOLLIN : 0)
            | ((interest & Interest.Writable) != 0 ? EPOLLOUT : 0)
            | ((interest & Interest.Edge) != 0 ? EPOLLET | EPOLLRDHUP : 0);

    private static Interest ReadyOf(uint events) =>
        (events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) != 0
            ? Interest.Readable | Interest.Writable
            : ((events & EPOLLIN) != 0 ? Interest.Readable : 0) | ((events & EPOLLOUT) != 0 ? Interest.Writable : 0);
}
