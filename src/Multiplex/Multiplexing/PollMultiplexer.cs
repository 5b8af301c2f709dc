using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Multiplexing;

/// <summary>
/// poll(2): the whole set is handed to the kernel at each wait, and the whole set is looked through afterwards. The cost
/// of a wait grows with the number of descriptors watched, not with the number that are ready.
/// </summary>
public sealed class PollMultiplexer : IMultiplexer
{
    private const int NotWatched = -1;

    private pollfd[] _set = new pollfd[64];
    private int _count;
    private int[] _slotOf = [];   // by descriptor: where it stands in _set
    private int _scanFrom;        // where the next look through the set begins, so that a short span starves nobody

    /// <inheritdoc/>
    public void Add(int fd, Interest interest)
    {
        if (fd < 0)
            throw new SyscallException("poll add", EBADF, $"descriptor {fd}");
        if (SlotOf(fd) != NotWatched)
            throw new SyscallException("poll add", EEXIST, $"descriptor {fd}");
        if (fd >= _slotOf.Length)
            GrowIndex(fd);
        if (_count == _set.Length)
            Array.Resize(ref _set, 2 * _count);
        _slotOf[fd] = _count;
        _set[_count++] = new pollfd { fd = fd, events = EventsOf(interest) };
    }

    /// <inheritdoc/>
    public void Modify(int fd, Interest interest) => _set[RequireSlot(fd, "poll modify")].events = EventsOf(interest);

    /// <inheritdoc/>
    public void Remove(int fd)
    {
        int slot = RequireSlot(fd, "poll remove");
        _slotOf[fd] = NotWatched;
        pollfd last = _set[--_count];
        if (slot == _count)
            return;
        _set[slot] = last;
        _slotOf[last.fd] = slot;
    }

    /// <inheritdoc/>
    public int Wait(Span<Readiness> ready, int timeoutMilliseconds)
    {
        SyscallResult result = poll(_set.AsSpan(0, _count), timeoutMilliseconds);
        if (result.Is(EINTR))
            return 0;
        int pending = result.OrThrow("poll");
        if (_scanFrom >= _count)
            _scanFrom = 0;
        int filled = 0;
        pending -= Collect(_scanFrom, _count, pending, ready, ref filled);
        Collect(0, _scanFrom, pending, ready, ref filled);
        return filled;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    private static short EventsOf(Interest interest) => (short)(
        ((interest & Interest.Readable) != 0 ? POLLIN : 0) | ((interest & Interest.Writable) != 0 ? POLLOUT : 0));

    private static Interest ReadyOf(short revents) =>
        (revents & (POLLERR | POLLHUP | POLLNVAL)) != 0
            ? Interest.Readable | Interest.Writable
            : ((revents & POLLIN) != 0 ? Interest.Readable : 0) | ((revents & POLLOUT) != 0 ? Interest.Writable : 0);

    private int Collect(int from, int to, int pending, Span<Readiness> ready, ref int filled)
    {
        int before = filled;
        ReadOnlySpan<pollfd> set = _set.AsSpan(0, to);
        for (int i = from; i < set.Length && filled - before < pending; i++)
        {
            if (set[i].revents == 0)
                continue;
            if (filled == ready.Length)
            {
                _scanFrom = i;
                break;
            }

            ready[filled++] = new(set[i].fd, ReadyOf(set[i].revents));
        }

        return filled - before;
    }

    private int SlotOf(int fd) => (uint)fd < (uint)_slotOf.Length ? _slotOf[fd] : NotWatched;

    private int RequireSlot(int fd, string call)
    {
        int slot = SlotOf(fd);
        return slot != NotWatched ? slot : throw new SyscallException(call, ENOENT, $"descriptor {fd}");
    }

    private void GrowIndex(int fd)
    {
        int old = _slotOf.Length;
        Array.Resize(ref _slotOf, Math.Max(fd + 1, 2 * old));
        _slotOf.AsSpan(old).Fill(NotWatched);
    }
}
