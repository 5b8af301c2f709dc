using System.Globalization;
using Multiplex.Cli.Output;
using Multiplex.Load.Engine;
using Multiplex.Load.Measuring;
using Multiplex.Load.Reporting;
using Multiplex.Load.Reporting.Formats;
using Multiplex.Load.Workload;

namespace Multiplex.Cli.Loading;

/// <summary><c>load --find-capacity</c>: prints each step, then the rate and a curve.</summary>
internal static class LoadCapacity
{
    /// <summary>Searches.</summary>
    /// <returns>The exit status: 3 when no rate meets the objectives.</returns>
    public static int Run(LoadOptions options, ArrivalSpacing spacing, LoadReportOptions asked, ResultFiles files, CancellationToken interrupted)
    {
        LoadTally peak;
        using (StatusLine status = new())
        {
            status.Show("closed loop");
            peak = LoadGenerator.Run(options with { Arrivals = null }, cancelled: interrupted);
        }

        CapacitySearch search = CapacitySearch.Of(peak.Throughput, options, spacing, interrupted);
        Search(search, files.UseStandardOutput, interrupted);
        CapacityReport report = new()
        {
            Options = asked with { Arrivals = LoadReportOptions.Name(spacing) },
            Objective = string.Join(", ", options.Objectives),
            Interrupted = interrupted.IsCancellationRequested,
            PeakPerS = peak.Throughput,
            CapacityPerS = search.CapacityPerS,
            Monotone = search.IsMonotone,
            Warnings = [.. LoadReport.Of(peak, options with { Arrivals = null }, asked).Warnings.Where(_ => peak.Replies == 0), .. search.Warnings()],
            Steps = search.Steps,
        };
        if (!files.UseStandardOutput)
            LoadTables.Print(report);
        bool written = files.Write((LoadVerbOptions.JsonOption, () => report.ToJson() + "\n"), (LoadVerbOptions.HtmlOption, () => LoadPage.Of(report)));
        return !written ? ExitStatus.Failed
            : report.Interrupted ? ExitStatus.Interrupted
            : report.Steps.Any(step => step.Errors.WrongReplies > 0) || peak.Replies == 0 ? ExitStatus.Failed
            : report.CapacityPerS > 0 ? ExitStatus.Done
            : ExitStatus.Missed;
    }

    private static void Search(CapacitySearch search, bool quiet, CancellationToken cancelled)
    {
        using StatusLine status = new();
        try
        {
            cancelled.ThrowIfCancellationRequested();
            search.Run(
                rate => status.Show(string.Create(CultureInfo.InvariantCulture, $"trying {rate:N0}/s")),
                step =>
                {
                    status.Clear();
                    if (!quiet)
                        LoadTables.Print(step);
                });
        }
        catch (OperationCanceledException)
        {
            // The steps so far are the result.
        }
    }
}
