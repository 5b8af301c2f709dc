using System.Runtime.InteropServices;
using static Multiplex.Interop.Libc;

namespace Multiplex.Load.Processes;

/// <summary>
/// SIGPIPE in programs that this process starts. The .NET runtime ignores it, and what is ignored stays ignored over execve(2): a server in C would
/// never be ended by it, as it is when a shell starts it. A signal that is handled has its default there.
/// </summary>
internal static class BrokenPipes
{
    /// <summary>Handles SIGPIPE in this process, by doing nothing, where it was ignored.</summary>
    public static void LeaveToPrograms()
    {
        // abs(3) takes a number, as a handler does, and has no effect. A managed method will not do: a signal may come while the runtime stops all threads.
        if (sigaction(SIGPIPE, out nint before) is { IsError: false } && before == SIG_IGN
            && NativeLibrary.TryLoad("libc.so.6", out nint library) && NativeLibrary.TryGetExport(library, "abs", out nint doNothing))
        {
            sigaction(SIGPIPE, doNothing).OrThrow("sigaction", "SIGPIPE");
        }
    }
}
