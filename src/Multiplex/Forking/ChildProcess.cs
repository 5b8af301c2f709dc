using System.Diagnostics.CodeAnalysis;
using Multiplex.Observing;
using static Multiplex.Interop.Libc;

namespace Multiplex.Forking;

/// <summary>What a child does first and last: the rules of living after fork(2) in a process of the .NET runtime.</summary>
/// <remarks>
/// A child starts no thread, uses no async and no Console, and leaves by <see cref="Leave"/>.
/// </remarks>
internal static class ChildProcess
{
    /// <summary>The signal by which the parent makes its children check, again and again, whether the server is stopping.</summary>
    public const int StopSignal = SIGUSR1;

    /// <summary>How often the signal is sent: it may arrive just before a child begins to wait.</summary>
    public const int TellAgainMilliseconds = 20;

    /// <summary>The whole life of a child. Never returns.</summary>
    /// <param name="name">Its name in the message of a failure.</param>
    /// <param name="parent">The process that forked it.</param>
    /// <param name="parentsDescriptors">Descriptors that only the parent uses.</param>
    /// <param name="work">What it is for.</param>
    [DoesNotReturn]
    public static void Live(string name, int parent, int[] parentsDescriptors, Action work)
    {
        try
        {
            Begin(parent, parentsDescriptors);
            work();
            Leave(0);
        }
        catch (Exception e)
        {
            // The parent counts a lost child; the error is reported here.
            ServerEvents.Report(EventLevel.Error, "child_failed", $"{name} {getpid()}: {e}");
            Leave(1);
        }
    }

    /// <summary>The child's first steps: it dies with its parent, and signals reach it.</summary>
    /// <param name="parent">The process that forked it.</param>
    /// <param name="parentsDescriptors">Descriptors that only the parent uses.</param>
    public static void Begin(int parent, int[] parentsDescriptors)
    {
        // If the parent ended before prctl(2), no signal comes: so ask.
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            Leave(1);

        // What they do stands already: see ChildSignals.
        pthread_sigmask(SIG_SETMASK, default, out _);
        foreach (int descriptor in parentsDescriptors)
            close(descriptor);
    }

    /// <summary>Ends the child: no finalizer, no exit handler and no flush of what the parent will flush as well.</summary>
    [DoesNotReturn]
    public static void Leave(int status) => _exit(status);
}
