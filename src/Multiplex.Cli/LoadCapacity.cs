using System.Globalization;
using Multiplex.Load;
using Multiplex.Load.Formats;

namespace Multiplex.Cli;

/// <summary><c>load --find-capacity</c>: prints each step, then the rate and a curve.</summary>
internal static class LoadCapacity
{
    /// <summary>Searches.</summary>
    /// <returns>The exit status: 3 when no rate holds the objectives.</returns>
    public static int Run(LoadOptions options, ArrivalSpacing spacing, LoadReportOptions asked, string? json, string? html)
    {
        using Interruption interruption = new();
        bool quiet = json == ResultFile.StandardOutput;
        double peak;
        IReadOnlyList<CapacityStep> steps;
        try
        {
            (peak, steps) = Terminal.WithStatus("", show => CapacitySearch.Run(
                options,
                spacing,
                rate => show(rate is null ? "closed loop" : string.Create(CultureInfo.InvariantCulture, $"{rate:N0}/s")),
                step =>
                {
                    if (!quiet)
                        LoadTables.Print(step);
                },
                interruption.Token));
        }
        catch (OperationCanceledException)
        {
            StandardStream.Error.WriteLine("multiplex: the search was interrupted before its end");
            return ExitStatus.Failed;
        }

        CapacityReport report = new()
        {
            Options = asked with { Arrivals = LoadReportOptions.Name(spacing) },
            Objective = string.Join(", ", options.Objectives),
            PeakPerS = peak,
            CapacityPerS = steps.Where(step => step.Held).Select(step => step.RatePerS).DefaultIfEmpty().Max(),
            Steps = steps,
        };
        ResultFile.Write(json, () => report.ToJson() + "\n");
        ResultFile.Write(html, () => LoadPage.Of(report));
        if (!quiet)
            LoadTables.Print(report);
        return report.Steps.Any(step => step.Errors.WrongReplies > 0) || peak <= 0 ? ExitStatus.Failed
            : report.CapacityPerS > 0 ? ExitStatus.Done
            : ExitStatus.Missed;
    }
}
