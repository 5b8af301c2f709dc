using Perfolizer.Mathematics.Distributions.ContinuousDistributions;

namespace Multiplex.Load.Comparison.Judging;

/// <summary>
/// The ratio of one server's figure to another's, from the rounds that both had. A disturbance of the machine during
/// a round affects both, so the ratio within a round varies less than the figures.
/// </summary>
/// <param name="Ratio">The trimmed geometric mean of the rounds' ratios: a tenth of the rounds is left out at either end.</param>
/// <param name="Low">The lower end of the 95 % confidence interval.</param>
/// <param name="High">Its upper end.</param>
/// <param name="PValue">The probability of such a ratio, or one further from 1, if there were no difference.</param>
/// <param name="Rounds">Rounds that both had.</param>
public sealed record PairedRatio(double Ratio, double Low, double High, double PValue, int Rounds)
{
    /// <summary>The share of intervals that do not have the true ratio.</summary>
    public const double Error = 0.05;

    private const int Trimmed = 10;      // one round in this many, at either end
    private const int Resamples = 2000;
    private const int Seed = 20_261_125; // the same figures give the same report

    /// <summary>How far the interval reaches to either side of the ratio, in percent of it.</summary>
    public double PlusMinusPercent => 100 * Math.Max((High / Ratio) - 1, 1 - (Low / Ratio));

    /// <summary>Compares two servers' rounds. A round that one of them has no figure for is left out.</summary>
    /// <param name="ones">The first one's figures, round by round.</param>
    /// <param name="others">The other one's.</param>
    /// <param name="error">The probability that the interval does not contain the true ratio.</param>
    /// <returns>Null when fewer than two rounds are left.</returns>
    public static PairedRatio? Of(IEnumerable<double?> ones, IEnumerable<double?> others, double error = Error)
    {
        double[] logs = [.. ones.Zip(others).Where(pair => pair.First > 0 && pair.Second > 0).Select(pair => Math.Log(pair.First!.Value / pair.Second!.Value)).Order()];
        if (logs.Length < 2)
            return null;
        double mean = TrimmedMean(logs);
        (double low, double high) = Interval(logs, error);
        return new(Math.Exp(mean), Math.Exp(Math.Min(low, mean)), Math.Exp(Math.Max(high, mean)), TwoSided(mean, logs), logs.Length);
    }

    // The percentiles of the bootstrap, moved outwards for few rounds; otherwise the interval would be too narrow, as a normal one is
    // compared with Student's. Hesterberg, "What Teachers Should Know about the Bootstrap", 2014, section 4.1.3 (expanded percentile).
    private static (double Low, double High) Interval(double[] logs, double error)
    {
        int n = logs.Length;
        double student = new StudentDistribution(n - 1).Quantile(1 - (error / 2));
        double tail = NormalDistribution.Standard.Cdf(-Math.Sqrt(n / (n - 1.0)) * student);
        Random random = new(Seed);
        double[] means = new double[Resamples], sample = new double[n];
        for (int i = 0; i < Resamples; i++)
        {
            for (int j = 0; j < n; j++)
                sample[j] = logs[random.Next(n)];
            Array.Sort(sample);
            means[i] = TrimmedMean(sample);
        }

        Array.Sort(means);
        int first = (int)(tail * Resamples);
        return (means[first], means[^(first + 1)]);
    }

    // Yuen's test: Student's t-test with the trimmed mean and the winsorized deviation.
    private static double TwoSided(double mean, double[] sorted)
    {
        int n = sorted.Length, cut = n / Trimmed, kept = n - (2 * cut);
        double[] winsorized = [.. sorted.Select((value, i) => sorted[Math.Clamp(i, cut, n - 1 - cut)])];
        double middle = winsorized.Average();
        double deviations = winsorized.Sum(value => (value - middle) * (value - middle));
        double error = Math.Sqrt(deviations / ((double)kept * (kept - 1)));
        return mean == 0 ? 1 : error == 0 ? 0 : Student.TwoSided(mean / error, kept - 1);
    }

    private static double TrimmedMean(ReadOnlySpan<double> sorted)
    {
        int cut = sorted.Length / Trimmed;
        double sum = 0;
        foreach (double value in sorted[cut..^cut])
            sum += value;
        return sum / (sorted.Length - (2 * cut));
    }
}
