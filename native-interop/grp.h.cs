using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// getgrouplist(3), getgrnam(3), setgroups(2)
public static unsafe partial class Libc
{
    /// <summary>getgrouplist(3): the groups of a user in the group database.</summary>
    /// <param name="user">The user's name, with a NUL at its end.</param>
    /// <param name="group">A group to include in any case: the user's own.</param>
    /// <param name="groups">Receives them.</param>
    /// <param name="count">How many there are; if the result is false, more than there is room for.</param>
    public static bool getgrouplist(byte* user, uint group, Span<uint> groups, out int count)
    {
        count = groups.Length;
        fixed (uint* list = groups)
        fixed (int* number = &count)
        {
            return Raw.getgrouplist(user, group, list, number) >= 0;
        }
    }

    /// <summary>getgrnam_r(3): the entry of a group in the group database. ENOENT where there is none.</summary>
    /// <param name="name">The group's name.</param>
    /// <param name="entry">Receives the entry; its strings are in the buffer.</param>
    /// <param name="buffer">Where the strings are written. ERANGE: it is too short. It does not move while the entry is used.</param>
    public static SyscallResult getgrnam_r(string name, out group entry, Span<byte> buffer)
    {
        nint text = Marshal.StringToCoTaskMemUTF8(name);
        fixed (group* to = &entry)
        fixed (byte* strings = buffer)
        {
            group* found = null;
            int errno = Raw.getgrnam_r((byte*)text, to, strings, (nuint)buffer.Length, &found);
            Marshal.FreeCoTaskMem(text);
            return errno != 0 ? SyscallResult.Failed(errno) : found == null ? SyscallResult.Failed(ENOENT) : default;
        }
    }

    /// <summary>setgroups(2), in every thread of the process as the C library does it: sets the supplementary groups. EPERM without CAP_SETGID.</summary>
    public static SyscallResult setgroups(ReadOnlySpan<uint> groups)
    {
        fixed (uint* list = groups)
        {
            return SyscallResult.Of(Raw.setgroups((nuint)groups.Length, list));
        }
    }

    /// <summary>An entry of the group database.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct group
    {
        public byte* gr_name;
        public byte* gr_passwd;
        public uint gr_gid;
        public byte** gr_mem;
    }
}

public static unsafe partial class Raw
{
    [LibraryImport(LibraryName)]
    public static partial int getgrnam_r(byte* name, Libc.group* grp, byte* buf, nuint buflen, Libc.group** result);

    [LibraryImport(LibraryName)]
    public static partial int setgroups(nuint size, uint* list);

    [LibraryImport(LibraryName)]
    public static partial int getgrouplist(byte* user, uint group, uint* groups, int* ngroups);
}
