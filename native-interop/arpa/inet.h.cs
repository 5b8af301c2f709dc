using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// inet_ntop(3), inet_pton(3)
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

    /// <summary>inet_pton(3): reads an address from text into <paramref name="address"/>, which must have room for an address of its family.</summary>
    /// <returns>1; 0 when the text is no address of this family; EAFNOSUPPORT when there is no such family.</returns>
    public static SyscallResult inet_pton(int family, string text, Span<byte> address)
    {
        nint src = Marshal.StringToCoTaskMemUTF8(text);
        fixed (byte* dst = address)
        {
            SyscallResult result = SyscallResult.Of(Raw.inet_pton(family, (byte*)src, dst));
            Marshal.FreeCoTaskMem(src);
            return result;
        }
    }
}

public static unsafe partial class Raw
{
    [LibraryImport(LibraryName)]
    public static partial int inet_pton(int af, byte* src, void* dst);

    [LibraryImport(LibraryName)]
    public static partial byte* inet_ntop(int af, void* src, byte* dst, uint size);
}
