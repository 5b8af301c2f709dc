using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// posix_spawn(3)
public static unsafe partial class Libc
{
    /// <summary>
    /// posix_spawn(3): starts a program in a new process, which inherits the signal mask and the descriptors that are not closed by execve(2). The child shares the
    /// memory of this process until then, so no page is copied.
    /// </summary>
    /// <param name="pid">The process.</param>
    /// <param name="path">The program's path.</param>
    /// <param name="arguments">Its arguments, with its name.</param>
    /// <param name="environment">Its environment, as NAME=VALUE.</param>
    public static SyscallResult posix_spawn(out int pid, string path, IReadOnlyList<string> arguments, IReadOnlyList<string> environment)
    {
        nint[] argv = [.. arguments.Select(Marshal.StringToCoTaskMemUTF8), 0];
        nint[] envp = [.. environment.Select(Marshal.StringToCoTaskMemUTF8), 0];
        nint program = Marshal.StringToCoTaskMemUTF8(path);
        int started = 0, errno;
        fixed (nint* args = argv, env = envp)
        {
            errno = Raw.posix_spawn(&started, (byte*)program, null, null, (byte**)args, (byte**)env);
        }

        foreach (nint text in (nint[])[program, .. argv, .. envp])
            Marshal.FreeCoTaskMem(text);
        pid = started;
        return errno == 0 ? default : SyscallResult.Failed(errno);
    }
}

public static unsafe partial class Raw
{
    [LibraryImport(LibraryName)]
    public static partial int posix_spawn(int* pid, byte* path, void* file_actions, void* attributes, byte** argv, byte** envp);
}
