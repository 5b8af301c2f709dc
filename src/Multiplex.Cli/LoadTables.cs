using System.Globalization;
using Multiplex.Load;
using Multiplex.Load.Formats;
using Spectre.Console;

namespace Multiplex.Cli;

/// <summary>The result of a load on the terminal: the figures, what went wrong, and what to think of them.</summary>
internal static class LoadTables
{
    /// <summary>Writes a report to standard output.</summary>
    public static void Print(LoadReport report)
    {
        Line($"{report.Options.Connect}  {LoadText.Asked(report.Options)}, {report.ElapsedS:F1} s");
        Table table = Terminal.Table("replies/s", "p50 us", "p90 us", "p99 us", "p99.9 us", "p99.99 us", "max us", "MB/s in", "errors");
        LatencyReport l = report.LatencyUs;
        table.AddRow(
            Text($"{report.ThroughputPerS:N0}"),
            Us(l.P50),
            Us(l.P90),
            Us(l.P99),
            Us(l.P999),
            Us(l.P9999),
            Us(l.Max),
            Text($"{report.ReceivedBytesPerS / 1e6:N1}"),
            $"{report.Errors.Total}");
        Terminal.Output.Write(table);
        PrintOtherTimes(report);
        if (report.Errors.Total + report.Errors.Late > 0)
            Line($"errors: {LoadText.Of(report.Errors)}");
        if (report.Slow is { } slow)
            Line($"slow clients: {slow.Replies} replies{(slow.Errors.Total > 0 ? $"; {LoadText.Of(slow.Errors)}" : "")}");
        foreach (ObjectiveReport objective in report.Objectives ?? [])
            Line($"{(objective.Held ? "held" : "MISSED")}: {objective.Objective}, measured {objective.MeasuredUs:N0} us");
        foreach (string warning in report.Warnings)
            Line($"note: {warning}");
    }

    /// <summary>Writes a step of a search for the capacity as soon as it is done.</summary>
    public static void Print(CapacityStep step) => Line(
        $"{step.RatePerS,12:N0}/s due {step.ThroughputPerS,12:N0}/s answered   p50 {step.LatencyUs.P50,9:N0} us   p99 {step.LatencyUs.P99,9:N0} us   p99.9 {step.LatencyUs.P999,9:N0} us   {step.Verdict}");

    /// <summary>Writes what a search for the capacity found: the rate, and latency against rate as a curve.</summary>
    public static void Print(CapacityReport report)
    {
        Line($"{report.Options.Connect}  {LoadText.Asked(report.Options)}; a closed loop brings {report.PeakPerS:N0}/s");
        Table table = Terminal.Table("rate/s", "replies/s", "p50 us", "p99 us", "", "p99, two marks for each doubling from 1 us");
        foreach (CapacityStep step in report.Steps.OrderBy(step => step.RatePerS))
        {
            string marks = new('*', (int)Math.Ceiling(2 * Math.Log2(Math.Max(step.LatencyUs.P99, 1))));
            table.AddRow(Text($"{step.RatePerS:N0}"), Text($"{step.ThroughputPerS:N0}"), Us(step.LatencyUs.P50), Us(step.LatencyUs.P99), step.Verdict, marks);
        }

        table.Columns[^1].LeftAligned();
        Terminal.Output.Write(table);
        if (report.CapacityPerS > 0)
            Line($"capacity: {report.CapacityPerS:N0} requests a second hold {report.Objective}");
        else
            Line($"capacity: no rate that was tried holds {report.Objective}");
    }

    private static void PrintOtherTimes(LoadReport report)
    {
        if (report.ConnectUs is { } connect)
            Line($"connecting: p50 {connect.P50:N0} us, p99 {connect.P99:N0} us, max {connect.Max:N0} us");
        if (report.ServiceUs is { } service)
            Line($"from sending, not from when it was due: p50 {service.P50:N0} us, p99 {service.P99:N0} us, max {service.Max:N0} us");
        if (report.Client.LagUs is { } lag)
            Line($"the client's own delay: p50 {lag.P50:N1} us, p99 {lag.P99:N1} us, max {lag.Max:N0} us; busy {report.Client.BusiestThread:P0}");
    }

    private static void Line(FormattableString text) => Terminal.Output.WriteLine(Text(text));

    private static string Us(double microseconds) => Text($"{microseconds:N0}");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
