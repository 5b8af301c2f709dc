using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// openat2(2)
public static unsafe partial class Libc
{
    public const ulong RESOLVE_NO_XDEV = 0x01;
    public const ulong RESOLVE_NO_SYMLINKS = 0x04;
    public const ulong RESOLVE_BENEATH = 0x08;

    /// <summary>openat2(2): opens a file, and refuses paths that lead where they should not.</summary>
    /// <param name="dirfd">Where the path begins.</param>
    /// <param name="path">The path: bytes, with a NUL at their end.</param>
    /// <param name="flags">O_ flags.</param>
    /// <param name="mode">The permissions of a file that O_CREAT makes.</param>
    /// <param name="resolve">RESOLVE_ flags.</param>
    /// <returns>The descriptor, or the negative errno: EXDEV for a path that leaves the directory or its mount, ELOOP for one with a symbolic link.</returns>
    public static SyscallResult openat2(int dirfd, ReadOnlySpan<byte> path, int flags, uint mode, ulong resolve)
    {
        open_how how = new() { flags = (uint)flags, mode = mode, resolve = resolve };
        fixed (byte* name = path)
        {
            // EAGAIN: because of a concurrent rename or mount the kernel could not check the path; the man page recommends to retry.
            SyscallResult result;
            do
            {
                result = SyscallResult.Of(Raw.syscall(SYS_openat2, dirfd, (nint)name, (nint)(&how), sizeof(open_how), 0, 0));
            }
            while (result.Is(EINTR) || (result.Is(EAGAIN) && (flags & O_NONBLOCK) == 0));
            return result;
        }
    }

    /// <summary>How openat2(2) opens.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct open_how
    {
        public ulong flags;
        public ulong mode;
        public ulong resolve;
    }
}
