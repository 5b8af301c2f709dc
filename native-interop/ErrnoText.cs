using Mono.Unix;
using Mono.Unix.Native;

namespace Multiplex.Interop;

/// <summary>The names and descriptions of errno values, errno(3), as Mono.Posix knows them.</summary>
public static class ErrnoText
{
    /// <summary>The symbol, such as "EADDRINUSE"; "errno 12345" for a value that has none.</summary>
    public static string Name(int errno) =>
        errno == Libc.EAGAIN ? nameof(Libc.EAGAIN)   // EWOULDBLOCK is the same number, and the enum would name that
        : NativeConvert.TryToErrno(errno, out Errno value) ? value.ToString()
        : $"errno {errno}";

    /// <summary>What strerror(3) says, such as "Address already in use".</summary>
    public static string Description(int errno) =>
        NativeConvert.TryToErrno(errno, out Errno value) ? UnixMarshal.GetErrorDescription(value) : "unknown error";
}
