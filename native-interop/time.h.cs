using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// clock_gettime(2), clock_getcpuclockid(3), clock_nanosleep(2)
public static unsafe partial class Libc
{
    public const int CLOCK_REALTIME = 0;
    public const int CLOCK_MONOTONIC = 1;
    public const int CLOCK_THREAD_CPUTIME_ID = 3;
    public const int TIMER_ABSTIME = 1;

    /// <summary>clock_gettime(2), in nanoseconds.</summary>
    public static long clock_gettime(int clockid)
    {
        timespec now = default;
        SyscallResult.Of(Raw.clock_gettime(clockid, &now)).OrThrow("clock_gettime");
        return (now.tv_sec * 1_000_000_000) + now.tv_nsec;
    }

    /// <summary>
    /// clock_getcpuclockid(3): the clock of the CPU time of a process: of all its threads together, including those that have ended.
    /// <see cref="clock_gettime"/> reads it, and fails with EINVAL once the process is gone.
    /// </summary>
    /// <returns>0; or ESRCH, there is no such process.</returns>
    public static SyscallResult clock_getcpuclockid(int pid, out int clockid)
    {
        int clock = 0;
        int error = Raw.clock_getcpuclockid(pid, &clock);   // returns the error itself, and leaves errno alone
        clockid = clock;
        return error == 0 ? default : SyscallResult.Failed(error);
    }

    /// <summary>clock_nanosleep(2) until a moment of the monotonic clock, whatever signals come in between.</summary>
    /// <param name="deadline">Nanoseconds of CLOCK_MONOTONIC.</param>
    public static void clock_nanosleep_until(long deadline)
    {
        timespec until = new() { tv_sec = deadline / 1_000_000_000, tv_nsec = deadline % 1_000_000_000 };
        while (Raw.clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, null) == EINTR)
        {
        }
    }

    /// <summary>Seconds and nanoseconds.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct timespec
    {
        public long tv_sec;
        public long tv_nsec;
    }
}

public static unsafe partial class Raw
{
    [LibraryImport(LibraryName)]
    public static partial int clock_gettime(int clockid, Libc.timespec* tp);

    [LibraryImport(LibraryName)]
    public static partial int clock_getcpuclockid(int pid, int* clockid);

    [LibraryImport(LibraryName)]
    public static partial int clock_nanosleep(int clockid, int flags, Libc.timespec* request, Libc.timespec* remain);
}
