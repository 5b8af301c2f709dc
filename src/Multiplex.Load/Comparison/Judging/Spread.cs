using System.Text.Json.Serialization;

namespace Multiplex.Load.Comparison.Judging;

/// <summary>A figure over the rounds: the median, and the range.</summary>
/// <param name="Median">The median.</param>
/// <param name="Low">The least.</param>
/// <param name="High">The greatest.</param>
public readonly record struct Spread(double Median, double Low, double High)
{
    /// <summary>Half of the range: the number after ±.</summary>
    private double Half => (High - Low) / 2;

    /// <summary>Half of the range in percent of the median; 0 when the median is 0.</summary>
    [JsonIgnore]
    public double Percent => Median == 0 ? 0 : 100 * Half / Math.Abs(Median);

    /// <summary>The spread of the values that are known; null when none is.</summary>
    public static Spread? Of(IEnumerable<double?> values)
    {
        double[] sorted = [.. values.OfType<double>().Order()];
        if (sorted.Length == 0)
            return null;
        int middle = sorted.Length / 2;
        double median = sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        return new Spread(median, sorted[0], sorted[^1]);
    }
}
