using System.Runtime.CompilerServices;
using static Multiplex.Interop.Libc;

namespace Multiplex;

/// <summary>
/// A table of descriptors for the calling thread alone. While several threads share a table, each system call counts a reference to its
/// file and gives it back (fdget() in fs/file.c of Linux), and poll(2) does so for each descriptor: measured at 64 bytes a message, 2 % of the CPU.
/// </summary>
/// <remarks>
/// The other threads keep the table that there was, the runtime's finalizer thread and what handles signals among them. So what is open by then
/// stays open until the process ends, or its copy there would; and a finalizer closes nothing here: a program that makes RPC clients, whose event
/// loops are closed by a finalizer, keeps the shared table.
/// </remarks>
public static class OwnDescriptors
{
    /// <summary>
    /// Leaves the table that all threads share: unshare(2). Threads that the caller starts later share the new one. Call it before a socket is opened.
    /// Where it is not permitted, as in a container, the table stays shared.
    /// </summary>
    public static void Take()
    {
        // A runtime that compiles while it runs has more threads, which open files that others close.
        if (!RuntimeFeature.IsDynamicCodeSupported)
            unshare(CLONE_FILES);
    }
}
