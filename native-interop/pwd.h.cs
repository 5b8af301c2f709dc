using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// getpwuid(3), getpwnam(3)
public static unsafe partial class Libc
{
    /// <summary>getpwuid_r(3): the entry of a user in the password database. ENOENT where there is none.</summary>
    /// <param name="uid">The user.</param>
    /// <param name="entry">Receives the entry; its strings are in the buffer.</param>
    /// <param name="buffer">Where the strings are written. ERANGE: it is too short. It does not move while the entry is used.</param>
    public static SyscallResult getpwuid_r(uint uid, out passwd entry, Span<byte> buffer)
    {
        fixed (passwd* to = &entry)
        fixed (byte* strings = buffer)
        {
            passwd* found = null;
            int errno = Raw.getpwuid_r(uid, to, strings, (nuint)buffer.Length, &found);
            return errno != 0 ? SyscallResult.Failed(errno) : found == null ? SyscallResult.Failed(ENOENT) : default;
        }
    }

    /// <summary>getpwnam_r(3): the same by the user's name.</summary>
    public static SyscallResult getpwnam_r(string name, out passwd entry, Span<byte> buffer)
    {
        nint text = Marshal.StringToCoTaskMemUTF8(name);
        fixed (passwd* to = &entry)
        fixed (byte* strings = buffer)
        {
            passwd* found = null;
            int errno = Raw.getpwnam_r((byte*)text, to, strings, (nuint)buffer.Length, &found);
            Marshal.FreeCoTaskMem(text);
            return errno != 0 ? SyscallResult.Failed(errno) : found == null ? SyscallResult.Failed(ENOENT) : default;
        }
    }

    /// <summary>An entry of the password database.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct passwd
    {
        public byte* pw_name;
        public byte* pw_passwd;
        public uint pw_uid;
        public uint pw_gid;
        public byte* pw_gecos;
        public byte* pw_dir;
        public byte* pw_shell;
    }
}

public static unsafe partial class Raw
{
    [LibraryImport(LibraryName)]
    public static partial int getpwnam_r(byte* name, Libc.passwd* pwd, byte* buf, nuint buflen, Libc.passwd** result);

    [LibraryImport(LibraryName)]
    public static partial int getpwuid_r(uint uid, Libc.passwd* pwd, byte* buf, nuint buflen, Libc.passwd** result);
}
