using System.Runtime.InteropServices;
using static Multiplex.Interop.Libc;

namespace Multiplex.Servers;

/// <summary>What a child does first and last: the rules of living after fork(2) in a process of the .NET runtime.</summary>
/// <remarks>A child starts no thread, uses no async and no Console, and leaves by <see cref="Leave"/>.</remarks>
internal static class ChildProcess
{
    // A handler that does nothing: abs(3) of the signal's number. What counts is that it is not SA_RESTART, so that a
    // child that waits in recv(2) gets EINTR and looks whether the server is stopping. No managed code runs in it.
    private static readonly nint s_interruptOnly = NativeLibrary.GetExport(NativeLibrary.GetMainProgramHandle(), "abs");

    /// <summary>Makes sure that what a child needs is there before the first fork.</summary>
    public static void Prepare()
    {
        System.Runtime.CompilerServices.RuntimeHelpers.PrepareMethod(typeof(ChildProcess).GetMethod(nameof(Begin))!.MethodHandle);
        System.Runtime.CompilerServices.RuntimeHelpers.PrepareMethod(typeof(ChildProcess).GetMethod(nameof(Leave))!.MethodHandle);
    }

    /// <summary>The child's first steps: it dies with its parent, and signals mean what they mean for a child.</summary>
    /// <param name="parent">The process that forked it.</param>
    public static void Begin(int parent)
    {
        // If the parent died before this was said, nobody will tell: so ask.
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            Leave(1);

        // A terminal sends SIGINT to the whole group; the parent decides what follows, and says it with SIGTERM.
        sigaction(SIGINT, SIG_IGN);
        sigaction(SIGTERM, s_interruptOnly);
        sigaction(SIGCHLD, SIG_DFL);
        sigaction(SIGQUIT, SIG_DFL);
        pthread_sigmask(SIG_SETMASK, default, out _);
    }

    /// <summary>Ends the child: no finalizer, no exit handler and no flush of what the parent will flush as well.</summary>
    public static void Leave(int status) => _exit(status);
}
