using Multiplex.Load.Measuring;
using Multiplex.Load.Reporting.Charts;

namespace Multiplex.Load.Reporting.Formats;

/// <summary>Keeps the distribution of the latencies of each second, for a page, in bounded memory however long the run is.</summary>
public sealed class LatencyOverTime
{
    private const int MostColumns = 120;
    private const int RowsInADecade = 10;

    private readonly List<(double From, double To, SortedDictionary<int, long> Counts)> _columns = [];
    private double _columnS = 1;

    /// <summary>Adds the histogram of one second.</summary>
    public void Add(LoadSecond second, LatencyHistogram latencies)
    {
        if (_columns.Count == 0 || _columns[^1].To - _columns[^1].From + second.LengthS > _columnS + 1e-9)
        {
            if (_columns.Count == MostColumns)
                Halve();
            _columns.Add((second.Second, second.Second, []));
        }

        (double from, _, SortedDictionary<int, long> counts) = _columns[^1];
        _columns[^1] = (from, second.Second + second.LengthS, counts);
        foreach ((long nanoseconds, long count) in latencies.Values())
        {
            int row = (int)Math.Floor(Math.Log10(Math.Max(nanoseconds, 1)) * RowsInADecade);
            counts[row] = counts.GetValueOrDefault(row) + count;
        }
    }

    /// <summary>The chart.</summary>
    internal HeatMap Chart() => new(
        "Latencies over time: the darker, the more",
        new("second"),
        new("latency") { Label = Quantities.Time, Logarithmic = true },
        [.. _columns.Select(column => new HeatColumn(
            column.From, column.To, [.. column.Counts.Select(row => new HeatCell(LowOf(row.Key), LowOf(row.Key + 1), row.Value))]))]);

    // Merges columns in pairs; all later columns have the width of the merged ones.
    private void Halve()
    {
        _columnS *= 2;
        for (int i = 0; i < _columns.Count / 2; i++)
        {
            (double from, _, SortedDictionary<int, long> counts) = _columns[2 * i];
            (_, double to, SortedDictionary<int, long> others) = _columns[(2 * i) + 1];
            foreach ((int row, long count) in others)
                counts[row] = counts.GetValueOrDefault(row) + count;
            _columns[i] = (from, to, counts);
        }

        _columns.RemoveRange(_columns.Count / 2, _columns.Count - (_columns.Count / 2));
    }

    private static double LowOf(int row) => Math.Pow(10, (double)row / RowsInADecade) / 1e3;
}
