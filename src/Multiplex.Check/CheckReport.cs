using System.Text.Json;
using System.Text.Json.Serialization;

namespace Multiplex.Check;

/// <summary>How a check ended.</summary>
public enum Outcome
{
    /// <summary>The server behaves as a sound one.</summary>
    Holds,

    /// <summary>It behaves otherwise.</summary>
    Fault,

    /// <summary>The check was skipped.</summary>
    Skipped,
}

/// <summary>A check, and how it ended.</summary>
/// <param name="Check">The check.</param>
/// <param name="Outcome">How it ended.</param>
/// <param name="Seen">What was seen; of one that was skipped, why.</param>
/// <param name="Seconds">How long it took.</param>
public sealed record CheckResult(ServerCheck Check, Outcome Outcome, string Seen, double Seconds);

/// <summary>The results of a check, for programs that grade; the schema is versioned.</summary>
public sealed record CheckReport
{
    /// <summary>Names the schema and its version.</summary>
    public string Schema { get; init; } = "multiplex.check/1";

    /// <summary>What it spoke: echo or rpc.</summary>
    public required string Protocol { get; init; }

    /// <summary>Where the server listened; null where a command started it.</summary>
    public string? Endpoint { get; init; }

    /// <summary>What started it; null where it was running.</summary>
    public string? Command { get; init; }

    /// <summary>Checks that hold.</summary>
    public required int Holds { get; init; }

    /// <summary>Checks that do not.</summary>
    public required int Faults { get; init; }

    /// <summary>Checks that were not made.</summary>
    public required int Skipped { get; init; }

    /// <summary>Each of them.</summary>
    public required IReadOnlyList<CheckLine> Checks { get; init; }

    /// <summary>The report as JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, CheckJson.Default.CheckReport);

    internal static CheckReport Of(CheckOptions options, IReadOnlyList<CheckResult> results) => new()
    {
        Protocol = options.Suite.Protocol,
        Endpoint = options.Endpoint?.ToString(),
        Command = options.Command,
        Holds = results.Count(result => result.Outcome == Outcome.Holds),
        Faults = results.Count(result => result.Outcome == Outcome.Fault),
        Skipped = results.Count(result => result.Outcome == Outcome.Skipped),
        Checks = [.. results.Select(result => new CheckLine(
            result.Check.Name, result.Outcome.ToString().ToLowerInvariant(), result.Check.Tried, result.Seen, result.Check.Word, result.Check.Lesson, Math.Round(result.Seconds, 3)))],
    };
}

/// <summary>A check in a report.</summary>
/// <param name="Name">The check.</param>
/// <param name="Outcome">How it ended: holds, fault or skipped.</param>
/// <param name="Tried">What the clients did.</param>
/// <param name="Seen">What was seen; of one that was skipped, why.</param>
/// <param name="Word">The course's words for what a server needs so that it holds.</param>
/// <param name="Lesson">The lessons of <c>multiplex tour</c> on these words.</param>
/// <param name="Seconds">How long it took.</param>
public sealed record CheckLine(string Name, string Outcome, string Tried, string Seen, string Word, string Lesson, double Seconds);

/// <summary>How the report is written: generated at build time, so without reflection.</summary>
[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(CheckReport))]
internal sealed partial class CheckJson : JsonSerializerContext;
