using System.Runtime.CompilerServices;
using static Multiplex.Interop.Libc;

namespace Multiplex.Cli.Serving;

/// <summary>
/// A table of descriptors for the server's own thread alone. While several threads share a table, each system call counts a reference to its
/// file and gives it back, and poll(2) does so for each descriptor: measured at 64 bytes a message, 2 % of the CPU of a server with one thread.
/// </summary>
/// <remarks>
/// The runtime's finalizer thread and the thread of <see cref="StopBySignals"/> keep the table that there was. So what is open by then stays open
/// until the process ends, or its copy there would; and a finalizer closes nothing here. A server that makes RPC clients, whose event loops are
/// closed by a finalizer, keeps the shared table.
/// </remarks>
internal static class OwnDescriptors
{
    /// <summary>
    /// Leaves the table that all threads share: unshare(2). Threads that the caller starts later share the new one. Call it before a socket is opened.
    /// Where it is not permitted, as in a container, the table stays shared.
    /// </summary>
    public static void Take()
    {
        // A runtime that compiles while it runs has more threads, which open files.
        if (!RuntimeFeature.IsDynamicCodeSupported)
            unshare(CLONE_FILES);
    }
}
