using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// syscall(2): calls of the kernel that the C library has no function for
public static partial class Libc
{
    public const int SYS_io_uring_setup = 425;
    public const int SYS_io_uring_enter = 426;
    public const int SYS_io_uring_register = 427;
    public const int SYS_openat2 = 437;
    public const int SYS_faccessat2 = 439;

    public static int SYS_perf_event_open => Platform.IsArm64 ? Arm64.SYS_perf_event_open : X64.SYS_perf_event_open;

    public static int SYS_setgroups => Platform.IsArm64 ? Arm64.SYS_setgroups : X64.SYS_setgroups;

    /// <summary>The older calls have numbers of their own on x86-64.</summary>
    public static partial class X64
    {
        public const int SYS_perf_event_open = 298;
        public const int SYS_setgroups = 116;
    }

    public static partial class Arm64
    {
        public const int SYS_perf_event_open = 241;
        public const int SYS_setgroups = 159;
    }
}

public static unsafe partial class Raw
{
    /// <summary>syscall(2) with the largest number of arguments; a call that takes fewer ignores the rest.</summary>
    [LibraryImport(LibraryName)]
    public static partial nint syscall(nint number, nint a1, nint a2, nint a3, nint a4, nint a5, nint a6);
}
