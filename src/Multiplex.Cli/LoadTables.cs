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
        Line(
            $"{report.ThroughputPerS:N0} replies/s, {report.SentBytesPerS / 1e6:N1} MB/s out, {report.ReceivedBytesPerS / 1e6:N1} MB/s in, {report.Errors.Total} errors");
        Table table = Terminal.Table("us", "p50", "p90", "p99", "p99.9", "p99.99", "max");
        bool open = report.ServiceUs is not null;
        AddRow(table, open ? "latency, from when due" : "latency, from sending", report.LatencyUs);
        if (report.ServiceUs is { } service)
            AddRow(table, "latency, from sending", service);
        if (report.Client.LagUs is { } lag)
            AddRow(table, "the client's own delay", lag);
        if (report.ConnectUs is { } connect)
            AddRow(table, "connecting", connect);
        Terminal.Output.Write(table);
        Line($"the client's busiest thread worked {report.Client.BusiestThread:P0} of its time");
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

    private static void AddRow(Table table, string name, LatencyReport l) =>
        table.AddRow(name, Us(l.P50), Us(l.P90), Us(l.P99), Us(l.P999), Us(l.P9999), Us(l.Max));

    private static void Line(FormattableString text) => Terminal.Output.WriteLine(Text(text));

    private static string Us(double microseconds) => microseconds < 10 ? Text($"{microseconds:N1}") : Text($"{microseconds:N0}");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
