using System.Diagnostics;
using Multiplex.Load.Comparison.Usage;

namespace Multiplex.Load.Measuring;

/// <summary>The state of a running server at one moment.</summary>
/// <param name="At">The moment: a timestamp of <see cref="Stopwatch"/>.</param>
/// <param name="Counters">Its counters, by their names.</param>
/// <param name="Processes">Its processes that live.</param>
/// <param name="UnreadBytes">Bytes that the kernel has received for its TCP connections and that it has not read; null when they cannot be read.</param>
/// <param name="UnsentBytes">Bytes that it has sent on them and that the clients' kernels have not taken.</param>
/// <param name="Threads">The activity of each of its threads.</param>
public sealed record ServerSnapshot(
    long At, IReadOnlyDictionary<string, long> Counters, int Processes, long? UnreadBytes, long? UnsentBytes, IReadOnlyList<ThreadActivity> Threads)
{
    /// <summary>Takes a snapshot of a server.</summary>
    /// <param name="counters">Its counters.</param>
    /// <returns>Null when its first process has ended.</returns>
    public static ServerSnapshot? Of(CountersFile counters)
    {
        if (!ProcessTree.IsAlive(counters.Process))
            return null;
        IReadOnlyList<int> processes = ProcessTree.Of(counters.Process);
        (long Unread, long Unsent)? queues = TcpSockets.QueuesOf(processes);
        return new(
            Stopwatch.GetTimestamp(),
            counters.Read(),
            processes.Count,
            queues?.Unread,
            queues?.Unsent,
            [.. processes.SelectMany(process => ProcessTree.ThreadsOf(process).Select(thread => ThreadActivity.Of(process, thread))).OfType<ThreadActivity>()]);
    }

    /// <summary>The growth of a counter a second since an earlier snapshot.</summary>
    /// <param name="before">The earlier snapshot.</param>
    /// <param name="counter">The counter's name; one that the server does not have has not grown.</param>
    public double PerSecond(ServerSnapshot before, string counter) =>
        (Counters.GetValueOrDefault(counter) - before.Counters.GetValueOrDefault(counter)) / Stopwatch.GetElapsedTime(before.At, At).TotalSeconds;
}
