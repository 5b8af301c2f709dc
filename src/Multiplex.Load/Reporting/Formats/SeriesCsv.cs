using System.Globalization;
using System.Text;
using Multiplex.Load.Measuring;

namespace Multiplex.Load.Reporting.Formats;

/// <summary>A run second by second as comma-separated values: RFC 4180, with a header. A figure without a sample is empty.</summary>
public static class SeriesCsv
{
    private const string Header =
        "second,length_s,replies,replies_per_s,unanswered,errors,sent_bytes,received_bytes,min_us,mean_us,p50_us,p90_us,p99_us,p999_us,p9999_us,max_us,lag_max_us";

    /// <summary>The text, a line for each second.</summary>
    public static string Of(IEnumerable<LoadSecond> seconds)
    {
        StringBuilder text = new();
        text.Append(Header).Append('\n');
        foreach (LoadSecond s in seconds)
        {
            LatencyReport l = s.LatencyUs;
            text.Append(CultureInfo.InvariantCulture, $"{s.Second},{s.LengthS:0.###},{s.Replies},{s.Replies / s.LengthS:0.#},{s.Unanswered},{s.Errors},{s.SentBytes},{s.ReceivedBytes},");
            text.Append(CultureInfo.InvariantCulture, $"{l.Min:0.###},{l.Mean:0.###},{l.P50:0.###},{l.P90:0.###},{l.P99:0.###},{l.P999:0.###},{l.P9999:0.###},{l.Max:0.###},{s.LagMaxUs:0.###}\n");
        }

        return text.ToString();
    }
}
