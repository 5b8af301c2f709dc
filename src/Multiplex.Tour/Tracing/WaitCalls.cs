using System.Runtime.CompilerServices;
using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tour.Tracing;

/// <summary>Calls of a <see cref="Trace"/>: poll, select and epoll.</summary>
internal static class WaitCalls
{
    /// <summary>poll(2).</summary>
    /// <param name="trace">Records the call.</param>
    /// <param name="timeout">Milliseconds.</param>
    /// <param name="set">Descriptors, and what to wait for.</param>
    /// <returns>revents of each.</returns>
    internal static int[] poll(this Trace trace, int timeout, params (int Fd, int Events)[] set)
    {
        pollfd[] entries = [.. set.Select(one => new pollfd { fd = one.Fd, events = (short)one.Events })];
        SyscallResult result = Libc.poll(entries, timeout);
        string asked = string.Join(", ", set.Select(one => $"{{fd={trace.Fd(one.Fd)}, events={Notation.PollEvents(one.Events)}}}"));
        string ready = string.Join(", ", entries.Where(entry => entry.revents != 0).Select(entry => $"{{fd={trace.Fd(entry.fd)}, revents={Notation.PollEvents(entry.revents)}}}"));
        Waited(trace, "poll", $"[{asked}], {set.Length}, {timeout}", result, ready);
        return [.. entries.Select(entry => (int)entry.revents)];
    }

    /// <summary>select(2) of descriptors to read from and to write to.</summary>
    /// <returns>How many bits are set, and the descriptors that are left in each set.</returns>
    internal static (int Count, int[] Readable, int[] Writable) select(this Trace trace, int[] read, int[] write, int timeout)
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
            trace, "select", $"{end}, [{Fds(trace, read)}], [{Fds(trace, write)}], NULL, {timeout} ms", result,
            $"in [{Fds(trace, canRead)}], out [{Fds(trace, canWrite)}]");
        return ((int)result.Value, canRead, canWrite);
    }

    internal static int epoll_create1(this Trace trace) => trace.Owned(trace.Record("epoll_create1", "0", Libc.epoll_create1(0), null), isSocket: false);

    /// <summary>epoll_ctl(2) of EPOLL_CTL_ADD.</summary>
    internal static void epoll_add(this Trace trace, int epoll, int fd, uint events, [CallerArgumentExpression(nameof(fd))] string role = "") => trace.Record(
        "epoll_ctl", $"{epoll}, EPOLL_CTL_ADD, {trace.Fd(fd, role)}, {{events={Notation.EpollEvents(events)}, data={fd}}}", epoll_ctl(epoll, EPOLL_CTL_ADD, fd, events), null);

    /// <summary>epoll_wait(2).</summary>
    /// <returns>The descriptors that are ready.</returns>
    internal static int[] epoll_wait(this Trace trace, int epoll, int timeout)
    {
        const int Room = 8;
        epoll_events events = new(Room);
        SyscallResult result = Libc.epoll_wait(epoll, events, Room, timeout);
        (uint Events, ulong Data)[] ready =
            [.. Enumerable.Range(0, Math.Max(0, (int)result.Value)).Select(i => (events.EventsOf(i), events.DataOf(i)))];
        string text = string.Join(", ", ready.Select(one => $"{{events={Notation.EpollEvents(one.Events)}, data={one.Data}}}"));
        trace.Record("epoll_wait", $"{epoll}, [{text}], {Room}, {timeout}", result, null);
        return [.. ready.Select(one => (int)one.Data)];
    }

    private static string Fds(Trace trace, int[] fds) => string.Join(' ', fds.Select(fd => trace.Fd(fd)));

    // strace(1) prints the descriptors that are ready after the result.
    private static void Waited(Trace trace, string call, string arguments, SyscallResult result, string ready)
    {
        result.OrThrow(call);
        string text = $"{call}({arguments}) = {result.Value} ({(result.Value == 0 ? "Timeout" : ready)})";
        trace.Add(new(LineKind.Call, text) { Call = call, Result = result });
    }
}
