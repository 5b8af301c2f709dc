using Perfolizer.Mathematics.Distributions.ContinuousDistributions;

namespace Multiplex.Load.Comparison.Judging;

/// <summary>Probabilities of Student's distribution, and Holm's correction of them.</summary>
internal static class Student
{
    /// <summary>The probability of a value at least this far from 0.</summary>
    /// <param name="t">The value.</param>
    /// <param name="freedom">Degrees of freedom, above 0.</param>
    public static double TwoSided(double t, double freedom) => Math.Clamp(2 * new StudentDistribution(freedom).Cdf(-Math.Abs(t)), 0, 1);

    /// <summary>
    /// Corrects for the number of questions asked of one measurement, so that the probability of finding a difference where there
    /// is none stays small: Holm, "A Simple Sequentially Rejective Multiple Test Procedure", 1979.
    /// </summary>
    /// <param name="pValues">One for each question.</param>
    /// <returns>The corrected ones, in the same order.</returns>
    public static double[] Holm(IReadOnlyList<double> pValues)
    {
        double[] corrected = new double[pValues.Count];
        double least = 0;
        int left = pValues.Count;
        foreach (int i in Enumerable.Range(0, pValues.Count).OrderBy(i => pValues[i]))
        {
            least = Math.Max(least, Math.Min(left-- * pValues[i], 1));
            corrected[i] = least;
        }

        return corrected;
    }
}
