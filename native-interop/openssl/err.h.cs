using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// The queue of errors is the calling thread's own.
public static unsafe partial class OpenSsl
{
    /// <summary>ERR_reason_error_string: what an error of the queue means; null when it is not known.</summary>
    public static string? ERR_reason_error_string(nuint e) => Marshal.PtrToStringUTF8((nint)ERR_reason_error_string_raw(e));

    [LibraryImport(Crypto)]
    public static partial void ERR_clear_error();

    [LibraryImport(Crypto)]
    public static partial nuint ERR_peek_error();

    [LibraryImport(Crypto, EntryPoint = "ERR_reason_error_string")]
    private static partial byte* ERR_reason_error_string_raw(nuint e);
}
