using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Forking;

/// <summary>
/// A process beside a server that forks, for work that waits for other programs and belongs to no connection. In the server's own process a
/// second thread might hold a lock at a fork, and work between two accepts would delay the clients that connect meanwhile.
/// It keeps the rules of every child: no thread, no async, no Console; and it ends with its parent.
/// </summary>
public static class SideProcess
{
    /// <summary>Forks it. The parent returns; it need not wait for it, for the model does.</summary>
    /// <param name="name">Its name in the message of a failure.</param>
    /// <param name="work">What it does until it leaves.</param>
    /// <param name="parentsDescriptors">Descriptors that only the parent uses: listeners too, or they stay open until this process ends.</param>
    /// <exception cref="NotSupportedException">The program is compiled while it runs.</exception>
    /// <exception cref="InvalidOperationException"><see cref="ForkRuntime.Enter"/> was not called.</exception>
    /// <exception cref="SyscallException">EAGAIN, the limit on processes; ENOMEM.</exception>
    public static void Start(string name, Action work, params int[] parentsDescriptors)
    {
        ForkRuntime.Require();
        using FinalizerThread finalizer = new();
        using ChildSignals signals = new();
        int[] closed = [.. parentsDescriptors, finalizer.Descriptor];
        int parent = getpid();
        finalizer.AwaitRest();
        SyscallResult result = _Fork();
        if (result.Value == 0)
            ChildProcess.Live(name, parent, closed, work);
        result.OrThrow("fork");
    }
}
