using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// waitpid(2), wait4(2)
public static unsafe partial class Libc
{
    public const int WNOHANG = 1;

    /// <summary>waitpid(2): collects a child that has ended, so that it does not remain a zombie.</summary>
    /// <returns>The child's process id; 0 with WNOHANG when none has ended; ECHILD when there is none.</returns>
    public static SyscallResult waitpid(int pid, out int status, int options)
    {
        int wstatus = 0;
        SyscallResult result;
        do
        {
            result = SyscallResult.Of(Raw.waitpid(pid, &wstatus, options));
        }
        while (result.Is(EINTR));
        status = wstatus;
        return result;
    }

    /// <summary>wait4(2): waitpid(2) that also returns the resources used by the child and by those it waited for.</summary>
    public static SyscallResult wait4(int pid, out int status, int options, out rusage usage)
    {
        int wstatus = 0;
        rusage used = default;
        SyscallResult result;
        do
        {
            result = SyscallResult.Of(Raw.wait4(pid, &wstatus, options, &used));
        }
        while (result.Is(EINTR));
        status = wstatus;
        usage = used;
        return result;
    }

    /// <summary>Whether the child exited by itself: wait(2).</summary>
    public static bool WIFEXITED(int status) => (status & 0x7f) == 0;

    /// <summary>The exit status of the child, when <see cref="WIFEXITED"/>.</summary>
    public static int WEXITSTATUS(int status) => (status >> 8) & 0xff;

    /// <summary>Whether a signal ended the child.</summary>
    public static bool WIFSIGNALED(int status) => (status & 0x7f) is not (0 or 0x7f);

    /// <summary>The signal that ended the child, when <see cref="WIFSIGNALED"/>.</summary>
    public static int WTERMSIG(int status) => status & 0x7f;
}

public static unsafe partial class Raw
{
    [LibraryImport(LibraryName)]
    public static partial int waitpid(int pid, int* wstatus, int options);

    [LibraryImport(LibraryName)]
    public static partial int wait4(int pid, int* wstatus, int options, Libc.rusage* rusage);
}
