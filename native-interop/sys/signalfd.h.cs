using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// signalfd(2)
public static unsafe partial class Libc
{
    public const int SFD_NONBLOCK = 0x800;
    public const int SFD_CLOEXEC = 0x80000;

    /// <summary>signalfd(2): a descriptor that is readable while one of these signals, which must be blocked, is pending.</summary>
    public static SyscallResult signalfd(int fd, in sigset_t mask, int flags)
    {
        sigset_t set = mask;
        return SyscallResult.Of(Raw.signalfd(fd, &set, flags));
    }

    /// <summary>What read(2) of a signalfd returns for each signal; only the first fields have names.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 128)]
    public struct signalfd_siginfo
    {
        public uint ssi_signo;
        public int ssi_errno;
        public int ssi_code;
        public uint ssi_pid;
        public uint ssi_uid;
    }
}

public static unsafe partial class Raw
{
    [LibraryImport(LibraryName)]
    public static partial int signalfd(int fd, Libc.sigset_t* mask, int flags);
}
