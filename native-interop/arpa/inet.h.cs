using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// inet_ntop(3)
public static unsafe partial class Libc
{
    /// <summary>inet_ntop(3): writes an address as text into <paramref name="text"/>.</summary>
    /// <returns>The text's length in bytes, without the NUL; ENOSPC when it does not fit.</returns>
    public static SyscallResult inet_ntop(int family, ReadOnlySpan<byte> address, Span<byte> text)
    {
        fixed (byte* src = address)
        fixed (byte* dst = text)
        {
            return Raw.inet_ntop(family, src, dst, (uint)text.Length) == null
                ? SyscallResult.Of(-1)
                : SyscallResult.Of(text.IndexOf((byte)0));
        }
    }
}

public static unsafe partial class Raw
{
    [LibraryImport(LibraryName)]
    public static partial byte* inet_ntop(int af, void* src, byte* dst, uint size);
}
