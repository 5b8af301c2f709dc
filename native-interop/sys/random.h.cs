using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// getrandom(2)
public static unsafe partial class Libc
{
    /// <summary>getrandom(2): fills at most 256 bytes with random ones, fit for a key.</summary>
    public static SyscallResult getrandom(Span<byte> bytes)
    {
        fixed (byte* buffer = bytes)
        {
            SyscallResult result;
            do
            {
                result = SyscallResult.Of(Raw.getrandom(buffer, (nuint)bytes.Length, 0));
            }
            while (result.Is(EINTR));
            return result;
        }
    }
}

public static unsafe partial class Raw
{
    [LibraryImport(LibraryName)]
    public static partial nint getrandom(byte* buf, nuint buflen, uint flags);
}
