using System.Numerics;
using System.Runtime.CompilerServices;
using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Multiplexers;

/// <summary>
/// select(2): the set is a bit for each descriptor, and so has an end, FD_SETSIZE. Both sets are handed to the kernel at each
/// wait, which writes its answer over them. The cost of a wait grows with the highest descriptor watched.
/// </summary>
public sealed class SelectMultiplexer : IMultiplexer
{
    private fd_set _watched;
    private fd_set _read;
    private fd_set _write;
    private fd_set _readable;   // what the last wait found
    private fd_set _writable;
    private int _end;           // one more than the highest descriptor watched
    private int _scanFrom;      // where the next look through the sets begins, so that a short span starves no descriptor

    /// <inheritdoc/>
    public int DescriptorLimit => FD_SETSIZE;

    /// <inheritdoc/>
    public void Add(int fd, Interest interest)
    {
        if (fd < 0)
            throw new SyscallException("select add", EBADF, $"descriptor {fd}");
        if (fd >= FD_SETSIZE)
            throw new SyscallException("select add", EINVAL, $"descriptor {fd}, which is not below FD_SETSIZE ({FD_SETSIZE})");
        if (FD_ISSET(fd, _watched))
            throw new SyscallException("select add", EEXIST, $"descriptor {fd}");
        FD_SET(fd, ref _watched);
        _end = Math.Max(_end, fd + 1);
        Want(fd, interest);
    }

    /// <inheritdoc/>
    public void Modify(int fd, Interest interest)
    {
        RequireWatched(fd, "select modify");
        Want(fd, interest);
    }

    /// <inheritdoc/>
    public void Remove(int fd)
    {
        RequireWatched(fd, "select remove");
        Want(fd, Interest.None);
        FD_CLR(fd, ref _watched);
        if (fd + 1 == _end)
            FindEnd();
    }

    /// <inheritdoc/>
    public int Wait(Span<Readiness> ready, int timeoutMilliseconds)
    {
        SyscallResult result = Select(timeoutMilliseconds);
        if (result.Is(EINTR))
            return 0;
        if (result.Is(EBADF))
            FindClosed();
        else if (result.OrThrow("select") == 0)
            return 0;
        int start = _scanFrom < _end ? _scanFrom : 0;
        int filled = 0;
        if (Collect(start, _end, ready, ref filled))
            Collect(0, start, ready, ref filled);
        return filled;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    private SyscallResult Select(int timeoutMilliseconds)
    {
        _readable = _read;
        _writable = _write;
        return select(_end, ref _readable, ref _writable, ref Unsafe.NullRef<fd_set>(), timeoutMilliseconds);
    }

    // A descriptor that is watched has been closed. select(2) then reports none of the others; poll(2) would report POLLNVAL for
    // that one. So here: it is reported until it is removed, and the others with it.
    private void FindClosed()
    {
        (fd_set read, fd_set write, fd_set closed) = (_read, _write, default);
        for (int fd = 0; fd < _end; fd++)
        {
            if ((FD_ISSET(fd, _read) || FD_ISSET(fd, _write)) && fcntl(fd, F_GETFD).Is(EBADF))
            {
                FD_SET(fd, ref closed);
                FD_CLR(fd, ref _read);
                FD_CLR(fd, ref _write);
            }
        }

        if (Select(0).IsError)
            (_readable, _writable) = (default, default);
        (_read, _write) = (read, write);
        for (int word = 0; word < FD_SETSIZE / 64; word++)
        {
            _readable[word] |= closed[word];
            _writable[word] |= closed[word];
        }
    }

    // Fills in what is ready from one descriptor up to another. False: there was no more room, and the next look begins there.
    private bool Collect(int from, int to, Span<Readiness> ready, ref int filled)
    {
        for (int word = from / 64; word * 64 < to; word++)
        {
            ulong found = _readable[word] | _writable[word];
            if (word * 64 < from)
                found &= ulong.MaxValue << from;
            if (to - (word * 64) < 64)
                found &= ~(ulong.MaxValue << to);
            for (; found != 0; found &= found - 1)
            {
                int fd = (word * 64) + BitOperations.TrailingZeroCount(found);
                if (filled == ready.Length)
                {
                    _scanFrom = fd;
                    return false;
                }

                ready[filled++] = new(fd, ReadyOf(fd));
            }
        }

        return true;
    }

    private Interest ReadyOf(int fd) =>
        (FD_ISSET(fd, _readable) ? Interest.Readable : 0) | (FD_ISSET(fd, _writable) ? Interest.Writable : 0);

    private void Want(int fd, Interest interest)
    {
        if ((interest & Interest.Readable) != 0)
            FD_SET(fd, ref _read);
        else
            FD_CLR(fd, ref _read);
        if ((interest & Interest.Writable) != 0)
            FD_SET(fd, ref _write);
        else
            FD_CLR(fd, ref _write);
    }

    private void FindEnd()
    {
        int word = (_end - 1) / 64;
        while (word >= 0 && _watched[word] == 0)
            word--;
        _end = word < 0 ? 0 : (word * 64) + BitOperations.Log2(_watched[word]) + 1;
    }

    private void RequireWatched(int fd, string call)
    {
        if ((uint)fd >= FD_SETSIZE || !FD_ISSET(fd, _watched))
            throw new SyscallException(call, ENOENT, $"descriptor {fd}");
    }
}
