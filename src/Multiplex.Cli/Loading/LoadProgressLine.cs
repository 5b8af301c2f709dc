using System.Globalization;
using Multiplex.Cli.Output;
using Multiplex.Load.Engine;
using Multiplex.Load.Measuring;
using Multiplex.Load.Reporting.Charts;
using Multiplex.Load.Workload;

namespace Multiplex.Cli.Loading;

/// <summary>The line on a terminal that shows how a load goes, a second at a time.</summary>
internal static class LoadProgressLine
{
    /// <summary>Runs a load, and shows how it goes until it ends.</summary>
    public static LoadTally Run(LoadOptions options, CancellationToken interrupted)
    {
        using StatusLine status = new();
        status.Show("connecting");
        int shown = -1;
        return LoadGenerator.Run(
            options,
            progress =>
            {
                int second = progress.LastSecond?.Second ?? -1;
                if (second > shown || progress.LastSecond is null)
                    status.Show([.. Describe(progress)]);
                shown = second;
            },
            interrupted);
    }

    // What matters most comes first: on a narrow terminal the rest is left out.
    private static IEnumerable<string> Describe(LoadProgress progress)
    {
        if (progress.LastSecond is not { } second)
        {
            yield return progress.Replies == 0 ? "warming up" : Text($"{progress.Replies:N0} replies");
            yield break;
        }

        yield return Text($"{second.Replies / second.LengthS:N0}/s");
        yield return $"p50 {Quantities.Time(second.LatencyUs.P50)}";
        yield return $"p99 {Quantities.Time(second.LatencyUs.P99)}";
        yield return Text($"{progress.Errors:N0} errors");
        yield return Text($"{Math.Max((progress.Total - progress.Elapsed).TotalSeconds, 0):F0} s left");
        if (second.LagMaxUs is { } lag)
            yield return $"own delay {Quantities.Time(lag)}";
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
