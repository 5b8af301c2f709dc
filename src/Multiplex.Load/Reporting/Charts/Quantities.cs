using System.Globalization;

namespace Multiplex.Load.Reporting.Charts;

/// <summary>Figures with three digits and a fitting unit.</summary>
public static class Quantities
{
    /// <summary>A number, with k for thousands, M for millions and G beyond.</summary>
    public static string Short(double number) => Scaled(number, 1000, ["", "k", "M", "G"]);

    /// <summary>A time given in microseconds; a dash where there is none.</summary>
    public static string Time(double? microseconds) => microseconds is { } time ? Time(time) : "–";

    /// <summary>A time given in microseconds.</summary>
    public static string Time(double microseconds) => microseconds is > 0 and < 1
        ? Scaled(microseconds * 1e3, 1000, [" ns"])
        : Scaled(microseconds, 1000, [" µs", " ms", " s"]);

    /// <summary>A size given in bytes.</summary>
    public static string Size(double bytes) => Scaled(bytes, 1024, [" B", " KiB", " MiB", " GiB"]);

    /// <summary>Three significant digits, without zeros after the point.</summary>
    public static string Digits(double number)
    {
        if (number == 0 || !double.IsFinite(number))
            return number.ToString("0", CultureInfo.InvariantCulture);
        int before = (int)Math.Floor(Math.Log10(Math.Abs(number))) + 1;
        int behind = Math.Clamp(3 - before, 0, 6);
        return number.ToString(behind == 0 ? "#,0" : "0." + new string('#', behind), CultureInfo.InvariantCulture);
    }

    private static string Scaled(double number, double step, ReadOnlySpan<string> units)
    {
        int unit = 0;

        // 999.6 would be written as 1,000: it belongs to the next unit.
        while (unit < units.Length - 1 && Math.Abs(number) >= step * (step == 1000 ? 0.9995 : 1))
        {
            number /= step;
            unit++;
        }

        return Digits(number) + units[unit];
    }
}
