using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Multiplex.Load.Engine;
using Multiplex.Load.Reporting;
using Multiplex.Load.Workload;

namespace Multiplex.Load.Measuring;

/// <summary>One run at one rate. A rate that was missed is tried again, so a rate may have several runs.</summary>
/// <param name="RatePerS">Requests due in a second.</param>
/// <param name="ThroughputPerS">Right replies a second.</param>
/// <param name="LatencyUs">Latencies from the due times of the requests.</param>
/// <param name="Errors">The errors.</param>
/// <param name="Held">Whether the rate was kept and the objectives held, without an error.</param>
/// <param name="Outcome">The same in words.</param>
public sealed record CapacityStep(
    double RatePerS, double ThroughputPerS, LatencyReport LatencyUs, LoadErrors Errors, bool Held, [property: JsonPropertyName("verdict")] string Outcome)
{
    /// <summary>The share of its time in which the busiest client thread was busy, from 0 to 1.</summary>
    public double BusiestThread { get; init; }
}

/// <summary>The result of a search for the capacity; the schema is versioned.</summary>
public sealed record CapacityReport
{
    /// <summary>Names the schema and its version.</summary>
    public string Schema { get; init; } = "multiplex.capacity/1";

    /// <summary>The load, without its rate.</summary>
    public required LoadReportOptions Options { get; init; }

    /// <summary>The machine and the runtime.</summary>
    public MachineReport Environment { get; init; } = MachineReport.OfThisMachine();

    /// <summary>The objectives.</summary>
    public required string Objective { get; init; }

    /// <summary>Whether the search was ended early: then the capacity is that of the steps so far.</summary>
    public bool Interrupted { get; init; }

    /// <summary>The rate of a closed loop over the same connections, which no open loop can exceed: replies a second.</summary>
    public required double PeakPerS { get; init; }

    /// <summary>The highest rate that held and below which every rate that was tried held; 0 when there is none.</summary>
    public required double CapacityPerS { get; init; }

    /// <summary>Whether no rate held above one that was missed.</summary>
    public required bool Monotone { get; init; }

    /// <summary>Caveats of the figures, in sentences.</summary>
    public required IReadOnlyList<string> Warnings { get; init; }

    /// <summary>The runs in the order in which they were made.</summary>
    public required IReadOnlyList<CapacityStep> Steps { get; init; }

    /// <summary>The report as JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, LoadJson.Default.CapacityReport);
}

/// <summary>
/// Searches for the highest rate at which a server holds the objectives. A closed loop over the same connections gives the peak; then the
/// interval that contains the answer is halved until it is narrow. Lower rates, which complete the curve, must hold as well: if one does
/// not, the search goes on below it. One noisy run decides nothing: a missed rate is repeated, and two runs of three decide.
/// </summary>
/// <param name="peakPerS">The rate that cannot be exceeded.</param>
/// <param name="leastPerS">The least rate to try.</param>
/// <param name="attempt">Makes one run at a rate.</param>
public sealed class CapacitySearch(double peakPerS, double leastPerS, Func<double, CapacityStep> attempt)
{
    private const double FirstShare = 0.8;     // of the peak: most servers hold an objective up to some such part of it
    private const double Narrow = 0.03;        // of the rate: two runs differ by more than a narrower interval
    private const double LeastShare = 0.001;   // of the peak: a server that misses every rate above it has no capacity
    private const int FewestRequests = 20;     // of a run: a percentile needs at least as many
    private const double KeptUp = 0.98;        // of the rate: less, and the backlog grows

    private static readonly double[] s_sharesOfCurve = [0.1, 0.3, 0.6];   // of the capacity: what latency is far below it

    private readonly List<CapacityStep> _steps = [];
    /// <summary>The runs so far.</summary>
    public IReadOnlyList<CapacityStep> Steps => _steps;

    /// <summary>The highest rate that held and below which all held; 0 when there is none.</summary>
    public double CapacityPerS => Rates().TakeWhile(rate => rate.Held).Select(rate => rate.RatePerS).LastOrDefault();

    /// <summary>Whether no rate held above one that was missed.</summary>
    public bool IsMonotone => !Rates().SkipWhile(rate => rate.Held).Any(rate => rate.Held);

    /// <summary>A search with real load.</summary>
    /// <param name="peakPerS">The rate of a closed loop over the same connections: replies a second.</param>
    /// <param name="options">The load; each step takes its duration and warm-up, and its objectives must hold.</param>
    /// <param name="spacing">How requests follow each other.</param>
    /// <param name="cancelled">Ends the search early, with <see cref="OperationCanceledException"/>; the steps so far are kept.</param>
    public static CapacitySearch Of(double peakPerS, LoadOptions options, ArrivalSpacing spacing, CancellationToken cancelled) => new(peakPerS, FewestRequests / options.Duration.TotalSeconds, rate =>
    {
        CapacityStep step = Step(LoadGenerator.Run(options with { Arrivals = OpenLoop.At(rate, spacing) }, cancelled: cancelled), options, rate);
        cancelled.ThrowIfCancellationRequested();
        return step;
    });

    /// <summary>Searches.</summary>
    /// <param name="show">Called with each rate before it is tried.</param>
    /// <param name="tried">Called with each run.</param>
    public void Run(Action<double> show, Action<CapacityStep> tried)
    {
        double held = 0, missed = peakPerS, least = Math.Ceiling(Math.Max(LeastShare * peakPerS, leastPerS)), rate = FirstShare * peakPerS;
        do
        {
            while (missed - held > Narrow * missed && missed > least)
            {
                rate = Math.Max(Math.Round(rate), least);
                (held, missed) = Holds(rate) ? (rate, missed) : (held, rate);
                rate = (held + missed) / 2;
            }

            double top = held;
            foreach (double part in s_sharesOfCurve.Select(share => Math.Max(Math.Round(share * top), least)).Distinct().Where(part => part < top))
            {
                if (Holds(part))
                    continue;
                (held, missed) = (Rates().TakeWhile(one => one.Held).Select(one => one.RatePerS).LastOrDefault(), part);
                rate = (held + missed) / 2;
                break;
            }

            if (held == top)
                return;
        }
        while (true);

        // A rate that has been tried need not be tried again.
        bool Holds(double perSecond)
        {
            bool? holds;
            while ((holds = Decided(_steps.Where(step => step.RatePerS == perSecond))) is null)
            {
                show(perSecond);
                _steps.Add(attempt(perSecond));
                tried(_steps[^1]);
            }

            return holds.Value;
        }
    }

    /// <summary>Caveats of the result.</summary>
    public IEnumerable<string> Warnings()
    {
        if (!IsMonotone)
        {
            (double RatePerS, bool Held) missed = Rates().First(rate => !rate.Held), above = Rates().Last(rate => rate.Held);
            yield return Text($"the curve is not monotone: {above.RatePerS:N0}/s held though {missed.RatePerS:N0}/s was missed; the capacity is the highest rate below which all held");
        }

        if (_steps.Exists(step => step.BusiestThread > LoadWarnings.Busy))
            yield return "the client was the bottleneck in some runs, so the server may hold more: give it more threads (--threads), or another machine";
    }

    private static CapacityStep Step(LoadTally tally, LoadOptions options, double rate)
    {
        Objective? objective = options.Objectives.FirstOrDefault(one => !one.IsHeldBy(tally.Latencies));
        string? problem = tally.Errors.Total > 0 ? "errors"
            : tally.Starved > 0 ? Text($"{tally.Starved:N0} of {options.Connections:N0} connections got no reply")
            : tally.Throughput < KeptUp * rate && !KeepsUp(tally, options, rate) ? "falls behind"
            : objective is not null ? $"misses {objective}"
            : null;
        string client = tally.BusiestThread > LoadWarnings.Busy ? "; the client was the bottleneck" : "";
        return new(rate, tally.Throughput, LatencyReport.Of(tally.Latencies), tally.Errors, problem is null, (problem ?? "holds") + client)
        {
            BusiestThread = tally.BusiestThread,
        };
    }

    // At low rates, one or two replies just after the end are more than 2 %.
    private static bool KeepsUp(LoadTally tally, LoadOptions options, double rate) =>
        tally.Unanswered == 0 && tally.Replies >= (rate * options.Duration.TotalSeconds) - options.Connections;

    // Two runs of the same outcome decide, or a first one that held.
    private static bool? Decided(IEnumerable<CapacityStep> runs)
    {
        int held = 0, missed = 0;
        foreach (CapacityStep run in runs)
            (held, missed) = run.Held ? (held + 1, missed) : (held, missed + 1);
        return missed == 0 ? (held > 0 ? true : null) : held >= 2 ? true : missed >= 2 ? false : null;
    }

    // The rates, ascending. A rate with too few runs to decide counts as missed.
    private IEnumerable<(double RatePerS, bool Held)> Rates() =>
        _steps.GroupBy(step => step.RatePerS).OrderBy(rate => rate.Key).Select(rate => (rate.Key, Decided(rate) ?? false));

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
