using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// prctl(2)
public static partial class Libc
{
    public const int PR_SET_PDEATHSIG = 1;
    public const int PR_GET_PDEATHSIG = 2;
    public const int PR_SET_NAME = 15;
    public const int PR_CAPBSET_DROP = 24;
    public const int PR_SET_TIMERSLACK = 29;
    public const int PR_SET_NO_NEW_PRIVS = 38;
    public const int PR_CAP_AMBIENT = 47;
    public const int PR_CAP_AMBIENT_CLEAR_ALL = 4;
    public const int PR_SET_PTRACER = 0x59616d61;

    /// <summary>The argument of PR_SET_PTRACER that lets any process of the user attach; EINVAL where the kernel does not restrict that: Yama.</summary>
    public static nuint PR_SET_PTRACER_ANY => nuint.MaxValue;

    /// <summary>prctl(2) with one integer argument. PR_SET_PDEATHSIG requests a signal when the thread that forked this process ends.</summary>
    public static SyscallResult prctl(int option, nuint argument) => SyscallResult.Of(Raw.prctl(option, argument, 0, 0, 0));
}

public static partial class Raw
{
    [LibraryImport(LibraryName)]
    public static partial int prctl(int option, nuint arg2, nuint arg3, nuint arg4, nuint arg5);
}
