using Multiplex.Cli.Output;
using Multiplex.Load.Measuring;
using Multiplex.Load.Reporting;
using Multiplex.Load.Reporting.Formats;

namespace Multiplex.Cli.Loading;

/// <summary><c>load --merge</c>: adds up the histograms in the logs of several runs: the percentiles of all runs cannot be computed from those of each.</summary>
internal static class LoadMerge
{
    /// <summary>Adds them up, and prints the sum.</summary>
    /// <returns>The exit status: 3 when an objective was missed.</returns>
    /// <exception cref="UsageException">A file cannot be read, or is not a log of histograms.</exception>
    public static int Run(IReadOnlyList<string> logs, IReadOnlyList<Objective> objectives, ResultFiles files)
    {
        LatencyHistogram all = new();
        foreach (string log in logs)
        {
            try
            {
                HistogramLogReader.AddAll(File.ReadLines(log), all);
            }
            catch (Exception e) when (e is FormatException or IOException or UnauthorizedAccessException)
            {
                throw new UsageException($"--merge {log}: {e.Message}");
            }
        }

        MergedReport report = MergedReport.Of(logs, all, objectives);
        if (!files.UseStandardOutput)
            LoadTables.Print(report);
        return !files.Write((LoadVerbOptions.JsonOption, () => report.ToJson() + "\n")) ? ExitStatus.Failed
            : report.Objectives is { } judged && judged.Any(objective => !objective.Held) ? ExitStatus.Missed
            : ExitStatus.Done;
    }
}
