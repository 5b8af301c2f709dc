using System.Runtime.CompilerServices;
using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tour.Tracing;

// poll, select and epoll.
public sealed partial class Trace
{
    /// <summary>poll(2).</summary>
    /// <param name="timeout">Milliseconds.</param>
    /// <param name="set">Descriptors, and what to wait for.</param>
    /// <returns>revents of each.</returns>
    internal int[] poll(int timeout, params (int Fd, int Events)[] set)
    {
        pollfd[] entries = [.. set.Select(one => new pollfd { fd = one.Fd, events = (short)one.Events })];
        SyscallResult result = Libc.poll(entries, timeout);
        string asked = string.Join(", ", set.Select(one => $"{{fd={Fd(one.Fd)}, events={Symbols.PollEvents(one.Events)}}}"));
        string ready = string.Join(", ", entries.Where(entry => entry.revents != 0).Select(entry => $"{{fd={Fd(entry.fd)}, revents={Symbols.PollEvents(entry.revents)}}}"));
        Waited("poll", $"[{asked}], {set.Length}, {timeout}", result, ready);
        return [.. entries.Select(entry => (int)entry.revents)];
    }

    /// <summary>select(2) of descriptors to read from and to write to.</summary>
    /// <returns>How many bits are set, and the descriptors that are left in each set.</returns>
    internal (int Count, int[] Readable, int[] Writable) select(int[] read, int[] write, int timeout)
    {
        fd_set readable = default, writable = default, except = default;
        foreach (int fd in read)
            FD_SET(fd, ref readable);
        foreach (int fd in write)
            FD_SET(fd, ref writable);
        int end = read.Concat(write).Max() + 1;
        SyscallResult result = Libc.select(end, ref readable, ref writable, ref except, timeout);
        int[] canRead = [.. read.Where(fd => FD_ISSET(fd, readable))], canWrite = [.. write.Where(fd => FD_ISSET(fd, writable))];
        Waited(
            "select", $"{end}, [{Fds(read)}], [{Fds(write)}], NULL, {timeout} ms", result,
            $"in [{Fds(canRead)}], out [{Fds(canWrite)}]");
        return ((int)result.Value, canRead, canWrite);
    }

    internal int epoll_create1() => Owned(Record("epoll_create1", "0", Libc.epoll_create1(0), null), isSocket: false);

    /// <summary>epoll_ctl(2) of EPOLL_CTL_ADD.</summary>
    internal void epoll_add(int epoll, int fd, uint events, [CallerArgumentExpression(nameof(fd))] string role = "") => Record(
        "epoll_ctl", $"{epoll}, EPOLL_CTL_ADD, {Fd(fd, role)}, {{events={Symbols.EpollEvents(events)}, data={fd}}}", epoll_ctl(epoll, EPOLL_CTL_ADD, fd, events), null);

    /// <summary>epoll_wait(2).</summary>
    /// <returns>The descriptors that are ready.</returns>
    internal int[] epoll_wait(int epoll, int timeout)
    {
        const int Room = 8;
        epoll_events events = new(Room);
        SyscallResult result = Libc.epoll_wait(epoll, events, Room, timeout);
        (uint Events, ulong Data)[] ready =
            [.. Enumerable.Range(0, Math.Max(0, (int)result.Value)).Select(i => (events.EventsOf(i), events.DataOf(i)))];
        string text = string.Join(", ", ready.Select(one => $"{{events={Symbols.EpollEvents(one.Events)}, data={one.Data}}}"));
        Record("epoll_wait", $"{epoll}, [{text}], {Room}, {timeout}", result, null);
        return [.. ready.Select(one => (int)one.Data)];
    }

    private string Fds(int[] fds) => string.Join(' ', fds.Select(fd => Fd(fd)));

    // strace(1) puts what came out of a wait behind the result.
    private void Waited(string call, string arguments, SyscallResult result, string ready)
    {
        result.OrThrow(call);
        string text = $"{call}({arguments}) = {result.Value} ({(result.Value == 0 ? "Timeout" : ready)})";
        Add(new(LineKind.Call, text) { Call = call, Result = result });
    }
}
