using Multiplex.Load.Measuring;

namespace Multiplex.Load.Merging;

/// <summary>What one generator measured in a second, as it is sent.</summary>
/// <param name="Second">Seconds since measuring began.</param>
/// <param name="IsAfterEnd">Whether it is what came after the measured time.</param>
/// <param name="LengthS">Its length in seconds.</param>
/// <param name="Replies">Right replies.</param>
/// <param name="Errors">The errors, all kinds together.</param>
/// <param name="SentBytes">Bytes sent.</param>
/// <param name="ReceivedBytes">Bytes received.</param>
/// <param name="Latencies">The latencies.</param>
/// <param name="LagMaxUs">In an open loop: the generator's own longest delay, in microseconds; null when nothing was sent.</param>
internal sealed record SecondData(
    int Second, bool IsAfterEnd, double LengthS, long Replies, long Errors, long SentBytes, long ReceivedBytes, HistogramData Latencies, double? LagMaxUs = null)
{
    /// <summary>That of a generator, as <see cref="Workload.LoadOptions.Interval"/> gets it.</summary>
    public static SecondData Of(LoadSecond second, LatencyHistogram latencies) => new(
        second.Second, second.IsAfterEnd, second.LengthS, second.Replies, second.Errors, second.SentBytes, second.ReceivedBytes,
        HistogramData.Of(latencies), second.LagMaxUs);
}
