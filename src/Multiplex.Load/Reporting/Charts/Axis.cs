namespace Multiplex.Load.Reporting.Charts;

/// <summary>One direction of a chart.</summary>
/// <param name="Title">What it measures, with the unit.</param>
internal sealed record Axis(string Title)
{
    /// <summary>Whether the scale is logarithmic: only for values above zero.</summary>
    public bool Logarithmic { get; init; }

    /// <summary>Formats the value at a tick.</summary>
    public Func<double, string> Label { get; init; } = Quantities.Short;

    /// <summary>The values of the ticks; null chooses round numbers.</summary>
    public IReadOnlyList<double>? Ticks { get; init; }

    /// <summary>A scale for these values: a linear one begins at zero.</summary>
    internal Scale ScaleOf(IEnumerable<double> values)
    {
        double[] all = [.. values.Concat(Ticks ?? []).Where(value => double.IsFinite(value) && (value > 0 || !Logarithmic))];
        return Logarithmic ? Scale.Log(all, Ticks) : Scale.Linear(all, Ticks);
    }
}

/// <summary>The position of a value between the two ends of an axis, and the ticks.</summary>
internal sealed class Scale
{
    private const int FewestTicks = 4;

    private readonly double _from;
    private readonly double _to;
    private readonly Func<double, double> _transform;

    private Scale(double from, double to, bool log, IReadOnlyList<double> ticks)
    {
        _transform = log ? Math.Log10 : value => value;
        _from = _transform(from);
        _to = _transform(to);
        Least = from;
        Ticks = ticks;
    }

    /// <summary>The value at the beginning.</summary>
    public double Least { get; }

    /// <summary>The ticks, ascending.</summary>
    public IReadOnlyList<double> Ticks { get; }

    /// <summary>From zero to a round number.</summary>
    public static Scale Linear(double[] values, IReadOnlyList<double>? ticks)
    {
        double most = values.Append(0).Max();
        if (most <= 0)
            most = 1;
        double step = RoundUp(most / FewestTicks, [1, 2, 2.5, 5, 10]);
        double end = ticks is null ? step * Math.Ceiling((most / step) - 1e-9) : most;
        return new(0, end, log: false, ticks ?? [.. Enumerable.Range(0, (int)Math.Round(end / step) + 1).Select(i => i * step)]);
    }

    /// <summary>Between round numbers, with a tick at each decade, and also at 2 and 5 in each decade if there are few.</summary>
    public static Scale Log(double[] values, IReadOnlyList<double>? ticks)
    {
        if (values.Length == 0)
            values = [1, 10];
        if (ticks is not null)
            return new(values.Min(), values.Max() > values.Min() ? values.Max() : 10 * values.Min(), log: true, ticks);
        double least = RoundDown(values.Min()), most = RoundUp(values.Max(), [1, 2, 5, 10]);
        if (most <= least)
            most = 10 * least;
        int first = (int)Math.Floor(Math.Log10(least)), last = (int)Math.Ceiling(Math.Log10(most));
        double[] decades = [.. Enumerable.Range(first, last - first + 1).Select(power => Math.Pow(10, power))];
        double[] fine = last - first > FewestTicks ? [1] : [1, 2, 5];
        return new(least, most, log: true, [.. decades
            .SelectMany(decade => fine.Select(digit => digit * decade))
            .Where(tick => tick >= least * (1 - 1e-9) && tick <= most * (1 + 1e-9))]);
    }

    /// <summary>0 at the beginning, 1 at the end; values outside are placed on the edge.</summary>
    public double PositionOf(double value) =>
        value <= Least ? 0 : Math.Clamp((_transform(value) - _from) / (_to - _from), 0, 1);

    private static double RoundUp(double value, ReadOnlySpan<double> digits)
    {
        double decade = Math.Pow(10, Math.Floor(Math.Log10(value)));
        foreach (double digit in digits)
        {
            if (digit * decade >= value * (1 - 1e-9))
                return digit * decade;
        }

        return 10 * decade;
    }

    private static double RoundDown(double value)
    {
        double decade = Math.Pow(10, Math.Floor(Math.Log10(value)));
        return decade * (value / decade) switch { >= 5 => 5, >= 2 => 2, _ => 1 };
    }
}
