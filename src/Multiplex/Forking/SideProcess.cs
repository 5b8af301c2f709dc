using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Forking;

/// <summary>
/// A process beside a server that forks, for work that waits for others and is no connection's. In the server's own process a second
/// thread might be in the middle of something at a fork, and work done between two accepts would hold up whoever comes meanwhile.
/// It lives by the rules of every child: no thread, no async, no Console; and it dies with its parent.
/// </summary>
public static class SideProcess
{
    /// <summary>Forks it. The parent returns; it need not wait for it, for the model does.</summary>
    /// <param name="name">What it is called where a failure is told.</param>
    /// <param name="work">What it does until it leaves.</param>
    /// <param name="parentsDescriptors">Descriptors that are the parent's business alone: listeners too, or they stay open for as long as it lives.</param>
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
