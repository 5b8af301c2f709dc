using System.Globalization;
using Multiplex.Cli.Output;
using Multiplex.Load.Engine;
using Multiplex.Load.Measuring;
using Multiplex.Load.Reporting.Charts;
using Multiplex.Load.Workload;

namespace Multiplex.Cli.Loading;

/// <summary>The line on a terminal that shows the progress of a load, updated each second.</summary>
internal static class LoadProgressLine
{
    /// <summary>Runs a load, and shows its progress until it ends.</summary>
    public static LoadTally Run(LoadOptions options, CancellationToken interrupted) => Run((progress, _) => LoadGenerator.Run(options, progress, interrupted));

    /// <summary>Shows the progress of a load until it ends.</summary>
    /// <param name="load">The load, which is given what takes its progress, and what takes a line to say.</param>
    public static T Run<T>(Func<Action<LoadProgress>, Action<string>, T> load)
    {
        using StatusLine status = new();
        status.Show("connecting");
        int shown = -1;
        return load(
            progress =>
            {
                int second = progress.LastSecond?.Second ?? -1;
                if (second > shown || progress.LastSecond is null)
                    status.Show([.. Describe(progress)]);
                shown = second;
            },
            line =>
            {
                status.Clear();
                StandardStream.Error.WriteLine($"multiplex: {Printable.Of(line)}");
            });
    }

    // The most important figures come first: a narrow terminal shows only those.
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
