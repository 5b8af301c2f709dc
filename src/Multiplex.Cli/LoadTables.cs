using System.Globalization;
using Multiplex.Load;
using Spectre.Console;

namespace Multiplex.Cli;

/// <summary>The result of a load on the terminal: the figures, what went wrong, and what to think of them.</summary>
internal static class LoadTables
{
    /// <summary>Writes a report to standard output.</summary>
    public static void Print(LoadReport report)
    {
        LoadReportOptions o = report.Options;
        string loop = o.RatePerS is not { } rate ? "closed loop"
            : rate == o.RateToPerS ? Text($"open loop, {rate:N0}/s {o.Arrivals}")
            : Text($"open loop, {rate:N0}/s to {o.RateToPerS:N0}/s {o.Arrivals}");
        string asked = o.Mix is "" or "echo" ? $"{o.Sizes} bytes" : $"{o.Mix}, {o.Sizes} bytes";
        Line($"{o.Connect}  {o.Protocol}, {loop}, {o.Connections} connections x {o.Depth}, {asked}, {report.ElapsedS:F1} s");
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
        PrintErrors(report.Errors, report.Slow);
        foreach (ObjectiveReport objective in report.Objectives ?? [])
            Line($"{(objective.Held ? "held" : "MISSED")}: {objective.Objective}, measured {objective.MeasuredUs:N0} us");
        foreach (string warning in report.Warnings)
            Line($"note: {warning}");
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

    private static void PrintErrors(LoadErrors e, SlowReport? slow)
    {
        if (e.Total > 0)
        {
            Line(
                $"errors: {e.WrongReplies} wrong replies, {e.Disconnected} disconnected ({e.Resets} by a reset), {e.ConnectFailures} not connected ({e.ConnectsRefused} refused), {e.Timeouts} timed out");
        }

        if (e.Lost + e.Refused + e.Repeated + e.Late > 0)
        {
            Line(
                $"datagrams: {e.Lost} lost ({e.Late} of them answered late), {e.Refused} refused as nobody listens there, {e.Repeated} answered twice");
        }

        if (slow is not null)
            Line($"slow clients: {slow.Replies} replies, {slow.Errors.Disconnected} times disconnected by the server, {slow.Errors.WrongReplies} wrong replies");
    }

    private static void Line(FormattableString text) => Terminal.Output.WriteLine(Text(text));

    private static string Us(double microseconds) => Text($"{microseconds:N0}");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
