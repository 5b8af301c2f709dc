using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Multiplexers;

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
    private int _scanFrom;        // where the next look through the set begins, so that a short span starves no descriptor

    /// <inheritdoc/>
    public int DescriptorLimit => int.MaxValue;

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
    public void Modify(int fd, Interest interest) =>
        _set[RequireSlot(fd, "poll modify")] = new pollfd { fd = fd, events = EventsOf(interest) };

    /// <inheritdoc/>
    public void Remove(int fd)
    {
        int hole = RequireSlot(fd, "poll remove");
        _slotOf[fd] = NotWatched;
        if (hole < _scanFrom)
            hole = Move(--_scanFrom, hole);   // what waits for a turn must not be moved in front of where the next look begins
        Move(--_count, hole);
    }

    /// <inheritdoc/>
    public int Wait(Span<Readiness> ready, int timeoutMilliseconds)
    {
        SyscallResult result = poll(_set.AsSpan(0, _count), timeoutMilliseconds);
        if (result.Is(EINTR))
            return 0;
        int pending = result.OrThrow("poll");
        int start = _scanFrom < _count ? _scanFrom : 0;
        int filled = 0;
        if (Collect(start, _count, pending, ready, ref filled))
            Collect(0, start, pending, ready, ref filled);
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

    // Fills in what is ready from one slot up to another, of so many in the whole set. False: there was no more room, and the
    // next look begins there.
    private bool Collect(int from, int to, int pending, Span<Readiness> ready, ref int filled)
    {
        Span<pollfd> set = _set.AsSpan(0, to);
        for (int i = from; i < set.Length && filled < pending; i++)
        {
            if (set[i].revents == 0)
                continue;
            if (filled == ready.Length)
            {
                _scanFrom = i;
                return false;
            }

            ready[filled++] = new(set[i].fd, ReadyOf(set[i].revents));

            // Nothing was asked for: it is an error or a hang-up, which would end each wait from now on. poll(2) passes over what is negative.
            if (set[i].events == 0)
                set[i] = new pollfd { fd = ~set[i].fd };
        }

        return true;
    }

    // Moves an entry into a hole, and returns where the hole is now.
    private int Move(int from, int to)
    {
        if (from != to)
        {
            _set[to] = _set[from];
            _slotOf[Math.Max(_set[to].fd, ~_set[to].fd)] = to;
        }

        return from;
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
