using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// strerrorname_np(3), strerrordesc_np(3), sigabbrev_np(3): glibc 2.32 has them
public static unsafe partial class Libc
{
    /// <summary>strerrorname_np(3): the symbol of an errno, such as "EADDRINUSE"; null for a value that has none.</summary>
    public static string? strerrorname_np(int errnum) => Marshal.PtrToStringUTF8((nint)Raw.strerrorname_np(errnum));

    /// <summary>strerrordesc_np(3): the text of strerror(3) in the C locale, such as "Address already in use"; null for a value that has none.</summary>
    public static string? strerrordesc_np(int errnum) => Marshal.PtrToStringUTF8((nint)Raw.strerrordesc_np(errnum));

    /// <summary>sigabbrev_np(3): the name of a signal without SIG, such as "TERM"; null for a number that has none.</summary>
    public static string? sigabbrev_np(int sig) => Marshal.PtrToStringUTF8((nint)Raw.sigabbrev_np(sig));
}

public static unsafe partial class Raw
{
    [LibraryImport(LibraryName)]
    public static partial byte* strerrorname_np(int errnum);

    [LibraryImport(LibraryName)]
    public static partial byte* strerrordesc_np(int errnum);

    [LibraryImport(LibraryName)]
    public static partial byte* sigabbrev_np(int sig);
}
