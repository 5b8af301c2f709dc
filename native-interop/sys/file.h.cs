using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// flock(2)
public static unsafe partial class Libc
{
    public const int LOCK_EX = 2;
    public const int LOCK_NB = 4;

    /// <summary>flock(2): takes the lock of an open file, which is released when its last descriptor is closed.</summary>
    /// <returns>0, or the negative errno: with LOCK_NB EAGAIN when another open file of the same name has it.</returns>
    public static SyscallResult flock(int fd, int operation)
    {
        SyscallResult result;
        do
        {
            result = SyscallResult.Of(Raw.flock(fd, operation));
        }
        while (result.Is(EINTR));
        return result;
    }
}

public static unsafe partial class Raw
{
    [LibraryImport(LibraryName)]
    public static partial int flock(int fd, int operation);
}
