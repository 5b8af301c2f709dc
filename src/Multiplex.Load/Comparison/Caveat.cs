using System.Text.Json.Serialization;
using Multiplex.Load.Comparison.Judging;

namespace Multiplex.Load.Comparison;

/// <summary>A reason to trust a figure less.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<CaveatKind>))]
public enum CaveatKind
{
    /// <summary>A thread of the client was busy all the time: a faster client would have measured more.</summary>
    ClientBusy,

    /// <summary>Twice the connections gave more: the load did not use the whole server.</summary>
    LoadTooSmall,

    /// <summary>Other processes used the machine.</summary>
    MachineShared,

    /// <summary>The hypervisor gave CPU time to other machines.</summary>
    TimeStolen,

    /// <summary>Another process listens on the server's port, and may have accepted some of the connections.</summary>
    PortShared,
}

/// <summary>A reason to trust the figures of a server at a point less.</summary>
/// <param name="Kind">The reason.</param>
/// <param name="Value">Its size: a share from 0 to 1, the gain with twice the connections, or a number of sockets.</param>
public sealed record Caveat(CaveatKind Kind, double Value)
{
    private const double Busy = 0.95, Gain = 0.1, Shared = 0.1, Stolen = 0.02;

    /// <summary>The value as text.</summary>
    [JsonIgnore]
    public string Label => Kind == CaveatKind.PortShared ? $"{Value:F0}" : $"{100 * Value:F0}%";

    /// <summary>The reason in words.</summary>
    public static string InWords(CaveatKind kind) => kind switch
    {
        CaveatKind.ClientBusy => "the client was the limit, its busiest thread worked (use more --threads)",
        CaveatKind.LoadTooSmall => "the load was the limit, twice the connections gave more by",
        CaveatKind.MachineShared => "other processes used a part of the machine",
        CaveatKind.TimeStolen => "the hypervisor gave a part of the CPU time to other machines",
        _ => "sockets of other processes listened on the server's port",
    };

    /// <summary>The caveats of a scenario in words: a sentence for each kind at each point.</summary>
    public static IEnumerable<string> Sentences(ScenarioReport scenario) =>
        from point in scenario.Points
        from result in point.Results
        from caveat in result.Caveats
        group $"{result.Server} {caveat.Label}" by (point.Label, caveat.Kind) into reason
        select $"{reason.Key.Label}: {InWords(reason.Key.Kind)}: {string.Join(", ", reason)}";

    /// <summary>The caveats that apply.</summary>
    /// <param name="rounds">The rounds' figures.</param>
    /// <param name="doubled">The throughput with twice the connections, if it was measured.</param>
    internal static IEnumerable<Caveat> Of(IReadOnlyList<RoundFigures> rounds, double? doubled)
    {
        if (Spread.Of(rounds.Select(round => round.ClientBusy)) is { Median: > Busy } client)
            yield return new(CaveatKind.ClientBusy, client.Median);
        else if (Spread.Of(rounds.Select(round => round.ThroughputPerS)) is { Median: > 0 } throughput && doubled > throughput.High && doubled > (1 + Gain) * throughput.Median)
            yield return new(CaveatKind.LoadTooSmall, (doubled.Value / throughput.Median) - 1);
        if (Spread.Of(rounds.Select(round => round.OthersShare)) is { Median: > Shared } others)
            yield return new(CaveatKind.MachineShared, others.Median);
        if (Spread.Of(rounds.Select(round => round.StolenShare)) is { Median: > Stolen } stolen)
            yield return new(CaveatKind.TimeStolen, stolen.Median);
        if (rounds.Max(round => round.OtherListeners) is > 0 and int listeners)
            yield return new(CaveatKind.PortShared, listeners);
    }
}
