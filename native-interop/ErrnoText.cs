namespace Multiplex.Interop;

/// <summary>The names and descriptions of errno values, errno(3), from the C library.</summary>
public static class ErrnoText
{
    /// <summary>The symbol, such as "EADDRINUSE"; "errno 12345" for a value that has none.</summary>
    public static string Name(int errno) => Libc.strerrorname_np(errno) ?? $"errno {errno}";

    /// <summary>The text of strerror(3), such as "Address already in use".</summary>
    public static string Description(int errno) => Libc.strerrordesc_np(errno) ?? "unknown error";
}
