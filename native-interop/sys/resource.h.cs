using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// getrlimit(2), getrusage(2)
public static unsafe partial class Libc
{
    public const int RLIMIT_NOFILE = 7;
    public const int RUSAGE_THREAD = 1;

    /// <summary>getrlimit(2): the soft and the hard limit of a resource.</summary>
    public static SyscallResult getrlimit(int resource, out rlimit limit)
    {
        rlimit read = default;
        SyscallResult result = SyscallResult.Of(Raw.getrlimit(resource, &read));
        limit = read;
        return result;
    }

    /// <summary>setrlimit(2): sets both limits of a resource; the soft one may be raised up to the hard one.</summary>
    public static SyscallResult setrlimit(int resource, rlimit limit) => SyscallResult.Of(Raw.setrlimit(resource, &limit));

    /// <summary>getrusage(2): what this process used so far, or the calling thread alone, or children that were waited for.</summary>
    public static SyscallResult getrusage(int who, out rusage usage)
    {
        rusage used = default;
        SyscallResult result = SyscallResult.Of(Raw.getrusage(who, &used));
        usage = used;
        return result;
    }

    /// <summary>A soft limit, which is enforced, and the hard limit that it may be raised to.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct rlimit
    {
        public ulong rlim_cur;
        public ulong rlim_max;
    }

    /// <summary>Seconds and microseconds.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct timeval
    {
        public long tv_sec;
        public long tv_usec;

        /// <summary>A time above zero, in full microseconds and at least one: zero often means for ever.</summary>
        public static timeval Of(TimeSpan time) => new()
        {
            tv_sec = time.Ticks / TimeSpan.TicksPerSecond,
            tv_usec = Math.Max(1, time.Ticks % TimeSpan.TicksPerSecond / TimeSpan.TicksPerMicrosecond),
        };
    }

    /// <summary>What a process used: CPU times, page faults and context switches are the fields that Linux fills and that count here.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct rusage
    {
        public timeval ru_utime;
        public timeval ru_stime;
        public long ru_maxrss;
        public long ru_ixrss;
        public long ru_idrss;
        public long ru_isrss;
        public long ru_minflt;
        public long ru_majflt;
        public long ru_nswap;
        public long ru_inblock;
        public long ru_oublock;
        public long ru_msgsnd;
        public long ru_msgrcv;
        public long ru_nsignals;
        public long ru_nvcsw;
        public long ru_nivcsw;
    }
}

public static unsafe partial class Raw
{
    [LibraryImport(LibraryName)]
    public static partial int getrlimit(int resource, Libc.rlimit* rlim);

    [LibraryImport(LibraryName)]
    public static partial int setrlimit(int resource, Libc.rlimit* rlim);

    [LibraryImport(LibraryName)]
    public static partial int getrusage(int who, Libc.rusage* usage);
}
