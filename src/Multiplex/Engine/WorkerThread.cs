namespace Multiplex.Engine;

/// <summary>Threads of a server: in the background, so that a procedure which does not end does not keep the process.</summary>
internal static class WorkerThread
{
    // Address space of a thread's stack. What a thread touches of it, some 20 KiB, costs memory, however large it is; a smaller one would
    // leave less than the 128 KiB that the runtime itself wants to see free before it goes deeper.
    private const int StackSize = 256 * 1024;

    /// <summary>Makes a thread, to be started.</summary>
    public static Thread Create(string name, ThreadStart body) => new(body, StackSize) { IsBackground = true, Name = name };
}
