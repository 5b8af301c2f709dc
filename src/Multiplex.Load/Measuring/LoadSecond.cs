using System.Text.Json.Serialization;
using Multiplex.Load.Engine;
using Multiplex.Load.Reporting;

namespace Multiplex.Load.Measuring;

/// <summary>The results of one second of a run.</summary>
/// <param name="Second">Seconds since measuring began.</param>
/// <param name="LengthS">Its length in seconds: 1, except for the last one.</param>
/// <param name="Replies">Right replies that came in it.</param>
/// <param name="Errors">The errors, all kinds together.</param>
/// <param name="SentBytes">Bytes sent.</param>
/// <param name="ReceivedBytes">Bytes received.</param>
/// <param name="LatencyUs">The latencies of these replies, except those to requests that were due in the warm-up.</param>
public sealed record LoadSecond(
    int Second, double LengthS, long Replies, long Errors, long SentBytes, long ReceivedBytes, LatencyReport LatencyUs)
{
    /// <summary>Requests due in it, or sent in it in a closed loop, that never had a reply; known when the run is over.</summary>
    public long Unanswered { get; init; }

    /// <summary>In an open loop: the client's own longest delay, in microseconds; null when nothing was sent.</summary>
    public double? LagMaxUs { get; init; }

    /// <summary>Whether it is no second of the measured time but what came after its end.</summary>
    [JsonIgnore]
    public bool IsAfterEnd { get; init; }
}

/// <summary>Joins the measurements of the client threads, second by second.</summary>
internal sealed class SecondCollector(IReadOnlyList<LoadLoop> loops, LatencyHistogram all, Action<LoadSecond, LatencyHistogram>? report)
{
    private readonly List<LoadSecond> _seconds = [];
    private readonly Queue<LoadInterval>[] _waiting = [.. loops.Select(_ => new Queue<LoadInterval>())];
    private readonly LatencyHistogram _second = new();

    /// <summary>The seconds that are over.</summary>
    public IReadOnlyList<LoadSecond> Seconds => _seconds;

    /// <summary>The same at the end of the run, when it is known which requests had no reply.</summary>
    public IReadOnlyList<LoadSecond> Finish()
    {
        Collect();
        return [.. _seconds.Select(second => second with
        {
            Unanswered = loops.Sum(loop => loop.Recorder.UnansweredBySecond.ElementAtOrDefault(second.Second)),
        })];
    }

    /// <summary>Takes the measurements; a second is over once every thread has handed it over.</summary>
    public void Collect()
    {
        for (int i = 0; i < loops.Count; i++)
        {
            while (loops[i].Recorder.TryTake(out LoadInterval? interval))
                _waiting[i].Enqueue(interval!);
        }

        while (Array.TrueForAll(_waiting, queue => queue.Count > 0))
            Sum();
    }

    private void Sum()
    {
        (int number, bool afterEnd, long replies, long errors, long sent, long received, long lag) = (0, false, 0, 0, 0, 0, -1);
        _second.Clear();
        for (int i = 0; i < loops.Count; i++)
        {
            LoadInterval interval = _waiting[i].Dequeue();
            _second.Add(interval.Latencies);
            (number, afterEnd) = (interval.Second, interval.IsAfterEnd);
            (replies, errors) = (replies + interval.Replies, errors + interval.Errors);
            (sent, received) = (sent + interval.BytesSent, received + interval.BytesReceived);
            lag = Math.Max(lag, interval.LongestLag);
            loops[i].Recorder.GiveBack(interval);
        }

        all.Add(_second);
        double elapsed = loops.Max(loop => loop.Elapsed) / 1e9;   // 0 until a thread has come to its end
        double length = elapsed > number ? Math.Min(elapsed - number, 1) : 1;
        LoadSecond second = new(number, length, replies, errors, sent, received, LatencyReport.Of(_second)) { LagMaxUs = lag < 0 ? null : lag / 1e3, IsAfterEnd = afterEnd };
        if (!afterEnd)
            _seconds.Add(second);

        // Replies that came after the end are in the log of histograms, so that its intervals add up to the whole.
        if (!afterEnd || _second.Count > 0)
            report?.Invoke(second, _second);
    }
}
