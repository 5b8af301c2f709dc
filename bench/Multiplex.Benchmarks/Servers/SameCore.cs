using System.Numerics;
using System.Runtime.InteropServices;
using Multiplex.Interop;

namespace Multiplex.Benchmarks.Servers;

/// <summary>
/// Keeps the calling thread, and the processes that it starts meanwhile, on one core: sched_setaffinity(2). Two processes that take
/// turns need only one; on two cores, waking the idle one costs more than all else, and varies with the machine's load.
/// </summary>
internal sealed unsafe partial class SameCore : IDisposable
{
    private readonly ulong _before;

    /// <summary>Moves the thread to the last of the cores that it may run on, of the first 64.</summary>
    public SameCore()
    {
        ulong before = 0;
        SyscallResult.Of(sched_getaffinity(0, sizeof(ulong), &before)).OrThrow("sched_getaffinity");
        _before = before;
        Set(1UL << BitOperations.Log2(before));
    }

    /// <summary>Lets the thread run where it could run before.</summary>
    public void Dispose() => Set(_before);

    private static void Set(ulong cores) =>
        SyscallResult.Of(sched_setaffinity(0, sizeof(ulong), &cores)).OrThrow("sched_setaffinity");

    [LibraryImport("libc")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int sched_getaffinity(int pid, nuint cpusetsize, ulong* mask);

    [LibraryImport("libc")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int sched_setaffinity(int pid, nuint cpusetsize, ulong* mask);
}
