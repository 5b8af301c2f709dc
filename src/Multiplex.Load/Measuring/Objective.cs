using System.Globalization;

namespace Multiplex.Load.Measuring;

/// <summary>A service-level objective on a latency, such as <c>p99&lt;2ms</c>.</summary>
/// <param name="Figure">The latency that it limits: <c>p50</c>, <c>p99.9</c> or any other percentile, <c>mean</c> or <c>max</c>.</param>
/// <param name="Limit">The limit, exclusive, in nanoseconds.</param>
public sealed record Objective(string Figure, long Limit)
{
    /// <summary>The notation of objectives.</summary>
    public const string Forms = "such as p99<2ms, or several: p50<300us,p99.9<10ms,max<1s";

    /// <summary>Reads one or several objectives, with commas between them.</summary>
    /// <exception cref="FormatException">The text is not an objective; the message shows the notation.</exception>
    public static IReadOnlyList<Objective> ParseAll(string text) => [.. text.Split(',').Select(Parse)];

    /// <summary>The figure in nanoseconds.</summary>
    public double Of(LatencyHistogram latencies) => Figure switch
    {
        "max" => latencies.Max,
        "mean" => latencies.Mean,
        _ => latencies.Percentile(double.Parse(Figure.AsSpan(1), CultureInfo.InvariantCulture)),
    };

    /// <summary>Whether it is held. Without any reply it is not.</summary>
    public bool IsHeldBy(LatencyHistogram latencies) => latencies.Count > 0 && Of(latencies) < Limit;

    /// <inheritdoc/>
    public override string ToString() => Limit switch
    {
        >= 1_000_000_000 => string.Create(CultureInfo.InvariantCulture, $"{Figure}<{Limit / 1e9:0.######}s"),
        >= 1_000_000 => string.Create(CultureInfo.InvariantCulture, $"{Figure}<{Limit / 1e6:0.######}ms"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{Figure}<{Limit / 1e3:0.###}us"),
    };

    private static Objective Parse(string text)
    {
        string[] parts = text.Split('<');
        if (parts.Length == 2 && IsFigure(parts[0]) && TryParseTime(parts[1], out long limit))
            return new(parts[0], limit);
        throw new FormatException($"'{text}' is no objective: write one {Forms}");
    }

    private static bool IsFigure(string text) => text is "max" or "mean"
        || (text.StartsWith('p')
            && double.TryParse(text.AsSpan(1), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double percent)
            && percent is > 0 and <= 100);

    private static bool TryParseTime(string text, out long nanoseconds)
    {
        (double unit, int suffix) = text switch
        {
            _ when text.EndsWith("us", StringComparison.Ordinal) => (1e3, 2),
            _ when text.EndsWith("ms", StringComparison.Ordinal) => (1e6, 2),
            _ when text.EndsWith('s') => (1e9, 1),
            _ => (0, 0),
        };
        bool read = double.TryParse(text.AsSpan(0, text.Length - suffix), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double number);
        nanoseconds = (long)(number * unit);
        return read && number * unit is >= 1 and <= 1e15;
    }
}
