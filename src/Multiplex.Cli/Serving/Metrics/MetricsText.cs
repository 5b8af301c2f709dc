using System.Globalization;
using System.Text;

namespace Multiplex.Cli.Serving.Metrics;

/// <summary>Writes metrics as text: the format of Prometheus, version 0.0.4, or that of OpenMetrics 1.0, which is nearly the same.</summary>
/// <param name="isOpenMetrics">Whether it is OpenMetrics: a family of counters is named without <c>_total</c>, and the text has an end.</param>
internal sealed class MetricsText(bool isOpenMetrics)
{
    private const string Total = "_total", Info = "_info";

    private readonly StringBuilder _text = new();

    /// <summary>Begins a metric that only grows.</summary>
    public void Counter(string name, string help) => Family(isOpenMetrics ? name[..^Total.Length] : name, "counter", help);

    /// <summary>Begins a metric that goes up and down.</summary>
    public void Gauge(string name, string help) => Family(name, "gauge", help);

    /// <summary>Begins a histogram.</summary>
    public void Histogram(string name, string help) => Family(name, "histogram", help);

    /// <summary>A metric whose information is in its labels.</summary>
    public void Fact(string name, string help, params (string Name, string Value)[] labels)
    {
        Family(isOpenMetrics ? name[..^Info.Length] : name, isOpenMetrics ? "info" : "gauge", help);
        Sample(name, 1, labels);
    }

    /// <summary>A value of the metric that was begun last.</summary>
    public void Sample(string name, double value, params ReadOnlySpan<(string Name, string Value)> labels)
    {
        _text.Append(name);
        if (!labels.IsEmpty)
        {
            char before = '{';
            foreach ((string label, string text) in labels)
            {
                _text.Append(before).Append(label).Append("=\"").Append(Escaped(text)).Append('"');
                before = ',';
            }

            _text.Append('}');
        }

        _text.Append(' ').Append(value.ToString("R", CultureInfo.InvariantCulture)).Append('\n');
    }

    /// <summary>The upper bound of a bucket. In OpenMetrics it is always a floating-point number.</summary>
    public string Bound(double bound)
    {
        string text = bound.ToString("0.#######", CultureInfo.InvariantCulture);
        return isOpenMetrics && !text.Contains('.') ? text + ".0" : text;
    }

    /// <summary>The text.</summary>
    public string End() => _text.Append(isOpenMetrics ? "# EOF\n" : "").ToString();

    private void Family(string name, string type, string help) =>
        _text.Append("# HELP ").Append(name).Append(' ').Append(help).Append("\n# TYPE ").Append(name).Append(' ').Append(type).Append('\n');

    private static string Escaped(string text) => text.Replace("\\", @"\\").Replace("\"", "\\\"").Replace("\n", "\\n");
}
