using static Multiplex.Interop.Libc;

namespace Multiplex.Forking;

/// <summary>
/// The one thread of managed code that a forking process has beside its own: the runtime's finalizer thread, which runs for a
/// while after a collection. A child that is forked meanwhile inherits it as it stood then, on a stack that was copied piece
/// by piece while it ran; the child's own first collection looks there, and the runtime aborts.
/// </summary>
internal sealed class FinalizerThread : IDisposable
{
    private const string ThreadName = ".NET Finalizer";
    private const int LookAgainMilliseconds = 1;

    private readonly int _stat;   // proc(5): "id (name) state …"
    private int _collections = -1;

    /// <summary>Finds the thread.</summary>
    /// <exception cref="InvalidOperationException">The runtime has no thread of the name that is known here.</exception>
    public FinalizerThread()
    {
        GC.WaitForPendingFinalizers();   // the thread has started by then, and gives itself its name when it starts
        string task = Array.Find(Directory.GetDirectories("/proc/self/task"), IsFinalizer)
            ?? throw new InvalidOperationException($"this runtime has no thread named '{ThreadName}': forking is not safe");
        _stat = open($"{task}/stat", O_RDONLY | O_CLOEXEC).OrThrow("open", $"{task}/stat");
    }

    /// <summary>The descriptor that it is watched by, of no use to a child.</summary>
    public int Descriptor => _stat;

    /// <summary>
    /// The last thing to do before a fork. If there was a collection since the last time, waits until the thread has run what
    /// it had to run and sleeps; otherwise that is so already, and nothing is asked.
    /// </summary>
    public void AwaitRest()
    {
        for (int collections; (collections = GC.CollectionCount(0)) != _collections; _collections = collections)
        {
            GC.WaitForPendingFinalizers();
            while (!IsAsleep())
                poll([], LookAgainMilliseconds);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => close(_stat);

    private static bool IsFinalizer(string task) => File.ReadAllText($"{task}/comm").TrimEnd() == ThreadName;

    private bool IsAsleep()
    {
        Span<byte> stat = stackalloc byte[128];
        lseek(_stat, 0, SEEK_SET).OrThrow("lseek", ThreadName);
        stat = stat[..read(_stat, stat).OrThrow("read", ThreadName)];
        return stat.IndexOf(") S "u8) > 0;
    }
}
