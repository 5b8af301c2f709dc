using System.Diagnostics;
using Multiplex.Transports;

namespace Multiplex.Models;

/// <summary>The end of a server whose threads wait in system calls: the thread that started them ends their waits, and waits for them.</summary>
internal static class ThreadDrain
{
    private static readonly TimeSpan s_tick = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan s_afterTheCut = TimeSpan.FromMilliseconds(300);   // threads that wait in system calls end within it

    /// <summary>
    /// Wakes the connections again and again, as one may just begin to wait, until all have ended. After the time to drain,
    /// or with a second request to stop, cuts them off.
    /// </summary>
    /// <param name="service">Gives the limits, and the requests to stop.</param>
    /// <param name="haveEnded">Waits at most so long for the threads, and returns whether all have ended.</param>
    /// <param name="connections">What the threads serve.</param>
    /// <param name="cutting">Called, perhaps more than once, when it is time to cut off.</param>
    /// <returns>Whether all have ended. A procedure that does not end holds its thread: the process ends without it.</returns>
    public static bool Run(
        Service service, Func<TimeSpan, bool> haveEnded, IReadOnlyList<BlockingConnection> connections, Action? cutting = null)
    {
        long start = Stopwatch.GetTimestamp();
        long? cutAt = null;
        while (!haveEnded(s_tick))
        {
            TimeSpan elapsed = Stopwatch.GetElapsedTime(start);
            bool cut = elapsed > service.Options.DrainTime || service.Stop.Requests() > 1;
            if (cut)
            {
                cutAt ??= Stopwatch.GetTimestamp();
                cutting?.Invoke();
            }

            foreach (BlockingConnection connection in connections)
                connection.Wake(cut);
            if (cutAt is { } since && Stopwatch.GetElapsedTime(since) > s_afterTheCut)
                return false;
        }

        return true;
    }
}
