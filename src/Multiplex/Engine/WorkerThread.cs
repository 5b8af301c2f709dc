namespace Multiplex.Engine;

/// <summary>Threads of a server: in the background, so that a procedure which does not end does not keep the process.</summary>
internal static class WorkerThread
{
    // Address space of a thread's stack. What a thread touches of it, some 20 KiB, costs memory, however large it is; a smaller one would
    // leave less than the 128 KiB that the runtime itself wants to see free before it goes deeper.
    private const int StackSize = 256 * 1024;

    /// <summary>Makes a thread, to be started.</summary>
    public static Thread Create(string name, ThreadStart body) => new(body, StackSize) { IsBackground = true, Name = name };

    /// <summary>Starts one of several threads that a model needs.</summary>
    /// <param name="thread">The thread.</param>
    /// <param name="number">Which one, from 1.</param>
    /// <param name="count">How many there are to be.</param>
    /// <exception cref="IOException">The system refuses it.</exception>
    public static void Start(Thread thread, int number, int count)
    {
        try
        {
            thread.Start();
        }
        catch (Exception e) when (IsRefusal(e))
        {
            throw new IOException(
                $"thread {number:N0} of {count:N0} could not be started: the system gives no more threads, memory or descriptors; raise its limit (ulimit -u, -v or -n, or pids.max of the control group) or ask for fewer", e);
        }
    }

    /// <summary>Whether the start of a thread failed with this because the system gives no more: EAGAIN of pthread_create(3) arrives as one of the two.</summary>
    public static bool IsRefusal(Exception e) => e is OutOfMemoryException or ThreadStartException;
}
