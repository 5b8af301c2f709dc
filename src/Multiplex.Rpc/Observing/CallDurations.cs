using System.Diagnostics;
using Multiplex.Rpc.Server;

namespace Multiplex.Rpc.Observing;

/// <summary>
/// The durations of the calls of each procedure, as a histogram, in memory that all threads and processes of a server share. A duration begins when the server
/// starts to handle the call and ends when the reply is made; it does not include the time that the call waited in a buffer of the kernel.
/// </summary>
public sealed class CallDurations : IDisposable
{
    // A procedure has three cache lines: a word for each bound, one for longer calls, and the sum.
    private const int SumAt = 23, RowLength = (SumAt + 1) * sizeof(long);

    private static readonly double[] s_bounds = [0.000001, 0.0000025, 0.000005, .. RpcTelemetry.Durations.HistogramBucketBoundaries!];
    private static readonly long[] s_ticks = [.. s_bounds.Select(bound => (long)(bound * Stopwatch.Frequency))];

    private readonly IReadOnlyList<ProcedureName> _procedures;
    private readonly SharedMemory _memory;

    /// <summary>Makes the histograms. A server that forks must do this before the first fork.</summary>
    /// <exception cref="Interop.SyscallException">The memory was refused.</exception>
    internal CallDurations(IReadOnlyList<ProcedureName> procedures)
    {
        _procedures = procedures;
        _memory = new(Math.Max(1, procedures.Count) * RowLength);
    }

    /// <summary>The upper bounds of the buckets, in seconds: those of the meter, and shorter ones for calls that are answered at once.</summary>
    public static IReadOnlyList<double> Bounds => s_bounds;

    /// <summary>The histograms now.</summary>
    public IReadOnlyList<ProcedureDurations> Read() => [.. _procedures.Select((procedure, number) =>
        new ProcedureDurations(
            procedure.Program,
            procedure.Version,
            procedure.Procedure,
            [.. Enumerable.Range(0, s_bounds.Length + 1).Select(bucket => Volatile.Read(ref WordOf(number, bucket)))],
            (double)Volatile.Read(ref WordOf(number, SumAt)) / Stopwatch.Frequency))];

    /// <summary>Frees the memory.</summary>
    public void Dispose() => _memory.Dispose();

    /// <summary>Counts a call.</summary>
    /// <param name="number">The procedure's number in the table.</param>
    /// <param name="ticks">How long it took, in ticks of <see cref="Stopwatch"/>.</param>
    internal void Add(int number, long ticks)
    {
        // Most calls are short, so the loop ends at one of the first bounds.
        long[] bounds = s_ticks;
        int bucket = 0;
        while (bucket < bounds.Length && ticks > bounds[bucket])
            bucket++;
        Interlocked.Increment(ref WordOf(number, bucket));
        Interlocked.Add(ref WordOf(number, SumAt), ticks);
    }

    private ref long WordOf(int number, int word) => ref _memory.Word((number * RowLength) + (word * sizeof(long)));
}

/// <summary>How long the calls of one procedure took.</summary>
/// <param name="Program">The program's name, or its number.</param>
/// <param name="Version">The version.</param>
/// <param name="Procedure">The procedure's name, or its number.</param>
/// <param name="Counts">How many calls are in each bucket: over the previous bound and up to the bucket's own, <see cref="CallDurations.Bounds"/>; last, all longer calls.</param>
/// <param name="Seconds">The sum of their durations.</param>
public sealed record ProcedureDurations(string Program, uint Version, string Procedure, IReadOnlyList<long> Counts, double Seconds);
