namespace Multiplex.Tracing.Lanes;

/// <summary>The calls that a thread may wait in.</summary>
internal static class Waits
{
    // A call that returns sooner had nothing to wait for, in microseconds. Under strace a call takes about 20.
    private const long Shortest = 150;

    public static bool IsRing(string name) => name == "io_uring_enter";

    public static bool IsForSeveral(string name) =>
        name is "poll" or "ppoll" or "select" or "pselect6" or "_newselect" or "epoll_wait" or "epoll_pwait" or "epoll_pwait2" || IsRing(name);

    public static bool IsAccept(string name) => name is "accept" or "accept4";

    public static bool IsSleep(string name) => name is "nanosleep" or "clock_nanosleep";

    /// <summary>Whether the thread waited in this call.</summary>
    public static bool IsWait(LaneCall call) => call.End - call.Start >= Shortest && (IsForSeveral(call.Call.Name) || IsSleep(call.Call.Name) || call.Call.Name is
        "accept" or "accept4" or "connect" or "read" or "readv" or "recvfrom" or "recvmsg" or "write" or "writev" or "sendto" or "sendmsg"
        or "futex" or "wait4" or "waitid" or "restart_syscall" or "pause" or "rt_sigtimedwait" or "rt_sigsuspend" or "flock" or "semop" or "semtimedop");
}
