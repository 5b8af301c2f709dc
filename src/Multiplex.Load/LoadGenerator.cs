using System.Diagnostics;
using System.Runtime.ExceptionServices;
using Multiplex.Sockets;

namespace Multiplex.Load;

/// <summary>How far a run is.</summary>
/// <param name="Elapsed">Since its beginning, warm-up included.</param>
/// <param name="Total">Of the whole run.</param>
/// <param name="Replies">Right replies so far in the measured time.</param>
public readonly record struct LoadProgress(TimeSpan Elapsed, TimeSpan Total, long Replies);

/// <summary>Loads a server and measures how it answers.</summary>
public static class LoadGenerator
{
    private static readonly TimeSpan s_reportEvery = TimeSpan.FromMilliseconds(200);

    /// <summary>Makes all connections, loads for the given time and returns what was measured.</summary>
    /// <param name="options">What load.</param>
    /// <param name="report">Called several times a second, on the calling thread.</param>
    /// <param name="cancelled">Ends the run early; what was measured until then counts.</param>
    /// <exception cref="IOException">The server is not there: the host is not known, or a first connection or datagram was refused.</exception>
    public static LoadTally Run(LoadOptions options, Action<LoadProgress>? report = null, CancellationToken cancelled = default)
    {
        IReadOnlyList<byte[]> addresses = AddressLookup.Find(options.Server, passive: false);
        if (options.Server.Kind == EndpointKind.Udp)
            addresses = [DatagramProbe.Find(options, addresses)];
        int threads = Math.Clamp(options.Threads, 1, options.Connections);
        List<LoadLoop> loops = [];
        try
        {
            for (int i = 0; i < threads; i++)
            {
                int share = (options.Connections / threads) + (i < options.Connections % threads ? 1 : 0);
                loops.Add(new LoadLoop(options, addresses, share) { Measuring = i == 0 ? options.Measuring : null });
                loops[^1].Connect();
            }

            RunAll(loops, options, report, cancelled);
            LoadTally all = new();
            foreach (LoadLoop loop in loops)
                all.Add(loop.Tally);
            return all;
        }
        finally
        {
            loops.ForEach(loop => loop.Dispose());
        }
    }

    private static void RunAll(List<LoadLoop> loops, LoadOptions options, Action<LoadProgress>? report, CancellationToken cancelled)
    {
        ExceptionDispatchInfo? failure = null;
        Thread[] threads = [.. loops.Select(loop => new Thread(() =>
        {
            try
            {
                loop.Run(cancelled);
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
        }) { IsBackground = true, Name = "load" })];
        long start = Stopwatch.GetTimestamp();
        foreach (Thread thread in threads)
            thread.Start();
        foreach (Thread thread in threads)
        {
            while (!thread.Join(s_reportEvery))
                report?.Invoke(new(Stopwatch.GetElapsedTime(start), options.WarmUp + options.Duration, loops.Sum(loop => loop.Measured)));
        }

        failure?.Throw();
    }
}
