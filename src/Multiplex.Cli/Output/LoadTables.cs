using System.Globalization;
using Multiplex.Load.Measuring;
using Multiplex.Load.Reporting;
using Multiplex.Load.Reporting.Charts;
using Multiplex.Load.Reporting.Formats;

namespace Multiplex.Cli.Output;

/// <summary>The result of a load on the terminal: the figures, the errors, and an assessment of both.</summary>
internal static class LoadTables
{
    private static readonly string[] s_columns = ["time", "p50", "p90", "p99", "p99.9", "p99.99", "max"];

    /// <summary>Writes a report to standard output.</summary>
    public static void Print(LoadReport report)
    {
        LoadErrors errors = report.Errors;
        ConnectionsReport spread = report.Connections;
        Line($"{report.Options.Connect}  {LoadText.Asked(report.Options)}, {LoadText.Length(report)}");
        Line(
            $"{LoadText.Rate(report.ThroughputPerS)} replies/s, {LoadText.Size(report.SentBytesPerS)}/s out, {LoadText.Size(report.ReceivedBytesPerS)}/s in, {errors.Total:N0} errors");
        if (report.Unanswered > 0)
            Line($"requests without a reply: {report.Unanswered:N0}");
        if (report.Options.Connections > 1)
            Line($"replies to a connection: least {spread.LeastReplies:N0}, median {spread.MedianReplies:N0}, most {spread.MostReplies:N0}");
        Terminal.WriteTable(s_columns, Rows(report));
        if (report.Client.BusiestThread is { } busy)
            Line($"the client's busiest thread worked {busy:P0} of its time");
        if (errors.Total > 0)
            Line($"errors: {LoadText.Of(errors)}");
        if (report.Slow is { } slow)
            Line($"slow clients: {slow.Replies:N0} replies{(slow.Errors.Total > 0 ? $"; {LoadText.Of(slow.Errors)}" : "")}");
        if (report.Agents is { } agents)
            Print(agents);
        Print(report.Objectives, $"no reply in {Quantities.Time(report.ElapsedS * 1e6)}");
        foreach (string warning in report.Warnings)
            Line($"note: {warning}");
    }

    private static void Print(AgentsReport agents)
    {
        Terminal.WriteTable(["agent", "", "replies/s", "p50", "p99", "max", "errors", "busy"], agents.Agents.Select(Row));
        Line($"{agents.Agents.Count:N0} agents at {agents.Nats}, which began within {Quantities.Time(agents.ClockErrorUs)} of one clock");
    }

    private static IReadOnlyList<string> Row(AgentReport agent) =>
    [
        agent.Name, agent.Role, LoadText.Rate(agent.ThroughputPerS), Quantities.Time(agent.LatencyUs.P50), Quantities.Time(agent.LatencyUs.P99), Quantities.Time(agent.LatencyUs.Max),
        Text($"{agent.Errors.Total:N0}"), Text($"{agent.BusiestThread:P0}"),
    ];

    /// <summary>Writes the sum of several runs.</summary>
    public static void Print(MergedReport report)
    {
        Line($"{report.Requests:N0} requests of {string.Join(", ", report.Files)}");
        Terminal.WriteTable(s_columns, [Row("latency", report.LatencyUs)]);
        Print(report.Objectives, "no requests");
    }

    /// <summary>Writes a step of a search for the capacity as soon as it is done.</summary>
    public static void Print(CapacityStep step) => Line(
        $"{step.RatePerS,9:N0}/s due {step.ThroughputPerS,9:N0}/s answered  p50 {Quantities.Time(step.LatencyUs.P50),7}  p99 {Quantities.Time(step.LatencyUs.P99),7}  {step.Outcome}");

    /// <summary>Writes what a search for the capacity found: the rate, and latency against rate as a curve.</summary>
    public static void Print(CapacityReport report)
    {
        Line($"{report.Options.Connect}  {LoadText.Asked(report.Options)}; a closed loop brings {report.PeakPerS:N0}/s");
        Terminal.WriteTable(["rate/s", "replies/s", "p50", "p99", "", "p99, two marks for each doubling from 1 µs"], report.Steps.OrderBy(step => step.RatePerS).Select(Row), lastIsDrawing: true);
        foreach (string warning in report.Warnings)
            Line($"note: {warning}");
        if (report.Interrupted)
            Line($"interrupted after {report.Steps.Count:N0} steps");
        if (report.CapacityPerS > 0)
            Line($"capacity: {report.CapacityPerS:N0} requests a second hold {report.Objective}");
        else
            Line($"capacity: no rate that was tried holds {report.Objective}");
    }

    private static void Print(IReadOnlyList<ObjectiveReport>? objectives, string nothing)
    {
        foreach (ObjectiveReport objective in objectives ?? [])
            Line($"{(objective.Held ? "held" : "MISSED")}: {objective.Objective}, {(objective.MeasuredUs is { } time ? $"measured {Quantities.Time(time)}" : nothing)}");
    }

    private static IEnumerable<IReadOnlyList<string>> Rows(LoadReport report)
    {
        yield return Row(report.ServiceUs is null ? "latency, from sending" : "latency, from when due", report.LatencyUs);
        if (report.ServiceUs is { } service)
            yield return Row("latency, from sending", service);
        if (report.Client.LagUs is { } lag)
            yield return Row("the client's own delay", lag);
        if (report.ConnectUs is { } connect)
            yield return Row("connecting", connect);
    }

    private static IReadOnlyList<string> Row(string name, LatencyReport l) =>
        [name, .. new[] { l.P50, l.P90, l.P99, l.P999, l.P9999, l.Max }.Select(Quantities.Time)];

    private static IReadOnlyList<string> Row(CapacityStep step) =>
    [
        Text($"{step.RatePerS:N0}"), Text($"{step.ThroughputPerS:N0}"), Quantities.Time(step.LatencyUs.P50), Quantities.Time(step.LatencyUs.P99), step.Outcome,
        step.LatencyUs.P99 is { } p99 ? new string('*', (int)Math.Ceiling(2 * Math.Log2(Math.Max(p99, 1)))) : "",
    ];

    private static void Line(FormattableString text) => Terminal.WriteLine(Text(text));

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
