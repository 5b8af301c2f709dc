using System.Text.Json;

namespace Multiplex.Load;

/// <summary>One rate that was tried.</summary>
/// <param name="RatePerS">Requests due in a second.</param>
/// <param name="ThroughputPerS">Right replies a second.</param>
/// <param name="LatencyUs">Latencies from when requests were due.</param>
/// <param name="Errors">Whatever went wrong.</param>
/// <param name="Held">Whether the rate was kept up and the objectives held, without an error.</param>
/// <param name="Verdict">That in words.</param>
public sealed record CapacityStep(
    double RatePerS, double ThroughputPerS, LatencyReport LatencyUs, LoadErrors Errors, bool Held, string Verdict);

/// <summary>What a search for the capacity found; the schema is versioned.</summary>
public sealed record CapacityReport
{
    /// <summary>Names the schema and its version.</summary>
    public string Schema { get; init; } = "multiplex.capacity/1";

    /// <summary>What load was made, but for its rate.</summary>
    public required LoadReportOptions Options { get; init; }

    /// <summary>Where.</summary>
    public MachineReport Environment { get; init; } = MachineReport.OfThisMachine();

    /// <summary>What had to hold.</summary>
    public required string Objective { get; init; }

    /// <summary>What a closed loop over the same connections brought, which no open loop can exceed: replies a second.</summary>
    public required double PeakPerS { get; init; }

    /// <summary>The highest rate that was tried and held; 0 when none did.</summary>
    public required double CapacityPerS { get; init; }

    /// <summary>The rates in the order in which they were tried.</summary>
    public required IReadOnlyList<CapacityStep> Steps { get; init; }

    /// <summary>The report as JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, LoadJson.Default.CapacityReport);
}

/// <summary>
/// Searches for the highest rate at which a server holds the objectives. A closed loop over the same connections tells the peak;
/// then the interval in which the answer lies is halved until it is narrow. A few lower rates complete the curve.
/// </summary>
public static class CapacitySearch
{
    private const double FirstShare = 0.8;     // of the peak: most servers hold an objective up to some such part of it
    private const double Narrow = 0.03;        // of the rate: finer, and one run differs from the next by more
    private const double LeastShare = 0.001;   // of the peak: what holds nowhere above is said to hold nowhere
    private const double KeptUp = 0.98;        // of the rate: less, and the backlog grows
    private const double Busy = 0.95;          // of a client thread's time

    private static readonly double[] s_sharesOfCurve = [0.1, 0.3, 0.6];   // of the capacity: what latency is far below it

    /// <summary>Searches.</summary>
    /// <param name="options">The load; each step takes its duration and warm-up, and its objectives are what has to hold.</param>
    /// <param name="spacing">How requests follow each other.</param>
    /// <param name="show">Told what begins: the rate, or null for the closed loop.</param>
    /// <param name="tried">Told each step.</param>
    /// <param name="cancelled">Ends the search early, with <see cref="OperationCanceledException"/>.</param>
    /// <returns>The peak, and the steps.</returns>
    public static (double PeakPerS, IReadOnlyList<CapacityStep> Steps) Run(
        LoadOptions options, ArrivalSpacing spacing, Action<double?> show, Action<CapacityStep> tried, CancellationToken cancelled)
    {
        List<CapacityStep> steps = [];
        show(null);
        double peak = LoadGenerator.Run(options with { Arrivals = null }, cancelled: cancelled).Throughput;
        double held = 0, missed = peak, rate = FirstShare * peak;
        while (missed - held > Narrow * missed && missed > LeastShare * peak)
        {
            rate = Math.Max(Math.Round(rate), 1);
            CapacityStep step = Step(rate);
            if (rate <= 1 && !step.Held)
                break;
            (held, missed) = step.Held ? (rate, missed) : (held, rate);
            rate = (held + missed) / 2;
        }

        foreach (double share in s_sharesOfCurve.Where(_ => held > 0))
            Step(Math.Max(Math.Round(share * held), 1));
        return (peak, steps);

        CapacityStep Step(double perSecond)
        {
            cancelled.ThrowIfCancellationRequested();
            show(perSecond);
            CapacityStep step = Try(options with { Arrivals = OpenLoop.At(perSecond, spacing) }, perSecond, cancelled);
            cancelled.ThrowIfCancellationRequested();
            steps.Add(step);
            tried(step);
            return step;
        }
    }

    private static CapacityStep Try(LoadOptions options, double rate, CancellationToken cancelled)
    {
        LoadTally tally = LoadGenerator.Run(options, cancelled: cancelled);
        Objective? missed = options.Objectives.FirstOrDefault(objective => !objective.IsHeldBy(tally.Latencies));
        string? verdict = tally.Errors.Total > 0 ? "errors"
            : tally.Throughput < KeptUp * rate ? "falls behind"
            : missed is not null ? $"misses {missed}"
            : null;
        string client = tally.BusiestThread > Busy ? "; the client was the bottleneck" : "";
        return new(rate, tally.Throughput, LatencyReport.Of(tally.Latencies), tally.Errors, verdict is null, (verdict ?? "holds") + client);
    }
}
