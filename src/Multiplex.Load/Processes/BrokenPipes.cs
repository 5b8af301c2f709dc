using System.Runtime.InteropServices;
using static Multiplex.Interop.Libc;

namespace Multiplex.Load.Processes;

/// <summary>
/// SIGPIPE in programs that this process starts. The .NET runtime ignores it, and an ignored signal stays ignored after execve(2): SIGPIPE would
/// not end a server in C, as it does when a shell starts the server. A signal with a handler gets its default action at execve(2).
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
