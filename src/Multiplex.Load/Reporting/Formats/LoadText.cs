using System.Globalization;
using Multiplex.Load.Measuring;
using Multiplex.Load.Reporting.Charts;

namespace Multiplex.Load.Reporting.Formats;

/// <summary>A load and its errors in words, for terminal and page.</summary>
public static class LoadText
{
    /// <summary>The load, without its server and its duration.</summary>
    public static string Asked(LoadReportOptions o)
    {
        string loop = o.Arrivals is null ? "closed loop"
            : o.RatePerS is not { } rate ? $"open loop, {o.Arrivals}"
            : rate == o.RateToPerS ? Text($"open loop, {rate:N0}/s {o.Arrivals}")
            : Text($"open loop, {rate:N0}/s to {o.RateToPerS:N0}/s {o.Arrivals}");
        string asked = o.Sizes.Length == 0 ? o.Mix : o.Mix is "" or "echo" ? $"{o.Sizes} bytes" : $"{o.Mix}, {o.Sizes} bytes";
        string beside = string.Concat(
            Beside(o.IdleConnections, "idle"), Beside(o.SlowReaders, "slow readers"), Beside(o.SlowWriters, "slow writers"));
        string files = o.Tree is { } tree ? Text($", {tree.Files:N0} files of {Quantities.Size(tree.FileBytes)}") : "";
        return Text($"{o.Protocol}{(o.Tls ? " over TLS" : "")}, {loop}, {o.Connections} connections x {o.Depth}{beside}, {asked}{files}");
    }

    /// <summary>The measured time, and whether it was cut short.</summary>
    public static string Length(LoadReport report) => report.Interrupted is { } early
        ? Text($"interrupted after {early.AfterS:0.#} of {early.OfS:0.###} s")
        : Quantities.Time(report.ElapsedS * 1e6);

    /// <summary>The start of the measurement after a comma; empty if it did not begin.</summary>
    public static string Began(LoadReport report) => report.StartedAt is { } at ? Text($", {at.UtcDateTime:yyyy-MM-dd HH:mm} UTC") : "";

    /// <summary>A whole number a second; a dash where nothing was measured.</summary>
    public static string Rate(double? perSecond) => perSecond is { } rate ? Text($"{rate:N0}") : "–";

    /// <summary>A size; a dash where nothing was measured.</summary>
    public static string Size(double? bytes) => bytes is { } size ? Quantities.Size(size) : "–";

    /// <summary>The check that each reply must pass.</summary>
    public static string Checked(LoadReportOptions o) => o.Protocol switch
    {
        "bytes" => "each as long as expected",
        "procedure" => "each of a call that was accepted and carried out",
        "nfs" => "all checked, what was read byte for byte",
        _ => "all checked byte for byte",
    };

    /// <summary>The measured value of an objective.</summary>
    public static string Measured(ObjectiveReport objective, double elapsedS) => objective.MeasuredUs is { } time
        ? $"measured {Quantities.Time(time)}"
        : $"no reply in {Quantities.Time(elapsedS * 1e6)}";

    /// <summary>The errors, by kind, without those that are 0.</summary>
    public static string Of(LoadErrors e) => string.Join(", ", new[]
    {
        (e.WrongReplies, $"wrong replies{Statuses(e.Statuses)}"),
        (e.Disconnected, Text($"disconnected ({e.Resets:N0} by a reset)")),
        (e.ConnectFailures, Text($"not connected ({e.ConnectsRefused:N0} refused{(e.NoLocalPort > 0 ? Text($", {e.NoLocalPort:N0} as no local port was left: net.ipv4.ip_local_port_range") : "")})")),
        (e.Timeouts, "timed out"),
        (e.Lost, Text($"datagrams lost ({e.Late:N0} of them answered late)")),
        (e.Refused, "datagrams refused because no socket is bound there"),
        (e.Repeated, "datagrams answered twice"),
    }.Where(kind => kind.Item1 > 0).Select(kind => Text($"{kind.Item1:N0} {kind.Item2}")));

    private static string Statuses(SortedDictionary<string, long> statuses) =>
        statuses.Count == 0 ? "" : $" ({string.Join(", ", statuses.Select(one => Text($"{one.Key} {one.Value:N0}")))})";

    private static string Beside(int count, string what) => count > 0 ? Text($" + {count} {what}") : "";

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
