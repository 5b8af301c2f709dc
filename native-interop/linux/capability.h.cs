using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// capabilities(7), capget(2), capset(2): of the calling thread alone.
public static unsafe partial class Libc
{
    public const uint _LINUX_CAPABILITY_VERSION_3 = 0x20080522;

    public const int CAP_CHOWN = 0;
    public const int CAP_DAC_OVERRIDE = 1;
    public const int CAP_DAC_READ_SEARCH = 2;
    public const int CAP_FOWNER = 3;
    public const int CAP_FSETID = 4;
    public const int CAP_SETGID = 6;
    public const int CAP_SETUID = 7;
    public const int CAP_NET_BIND_SERVICE = 10;
    public const int CAP_SYS_RESOURCE = 24;
    public const int CAP_MKNOD = 27;

    /// <summary>capget(2): the capabilities of the calling thread, a bit each.</summary>
    public static SyscallResult capget(out ulong effective, out ulong permitted, out ulong inheritable)
    {
        ulong header = _LINUX_CAPABILITY_VERSION_3;   // of pid 0, the caller
        uint* data = stackalloc uint[6];              // effective, permitted, inheritable: the lower halves, and then the upper ones
        SyscallResult result = SyscallResult.Of(Raw.capget(&header, data));
        effective = data[0] | ((ulong)data[3] << 32);
        permitted = data[1] | ((ulong)data[4] << 32);
        inheritable = data[2] | ((ulong)data[5] << 32);
        return result;
    }

    /// <summary>capset(2): sets the capabilities of the calling thread. EPERM for one that is not permitted.</summary>
    public static SyscallResult capset(ulong effective, ulong permitted, ulong inheritable)
    {
        ulong header = _LINUX_CAPABILITY_VERSION_3;
        uint* data = stackalloc uint[] { (uint)effective, (uint)permitted, (uint)inheritable, (uint)(effective >> 32), (uint)(permitted >> 32), (uint)(inheritable >> 32) };
        return SyscallResult.Of(Raw.capset(&header, data));
    }
}

public static unsafe partial class Raw
{
    [LibraryImport(LibraryName)]
    public static partial int capget(void* hdrp, void* datap);

    [LibraryImport(LibraryName)]
    public static partial int capset(void* hdrp, void* datap);
}
