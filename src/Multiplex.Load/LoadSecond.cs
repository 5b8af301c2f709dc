namespace Multiplex.Load;

/// <summary>What one second of a run brought.</summary>
/// <param name="Second">Seconds since measuring began.</param>
/// <param name="LengthS">Its length in seconds: 1, but for the last one.</param>
/// <param name="Replies">Right replies.</param>
/// <param name="Errors">What went wrong, all kinds together.</param>
/// <param name="SentBytes">Bytes sent.</param>
/// <param name="ReceivedBytes">Bytes received.</param>
/// <param name="LatencyUs">The latencies of these replies.</param>
public sealed record LoadSecond(
    int Second, double LengthS, long Replies, long Errors, long SentBytes, long ReceivedBytes, LatencyReport LatencyUs);

/// <summary>Puts together what the client threads hand over, second by second.</summary>
internal sealed class SecondCollector(IReadOnlyList<LoadLoop> loops, LatencyHistogram all, Action<LoadSecond, LatencyHistogram>? told)
{
    private readonly List<LoadSecond> _seconds = [];
    private readonly Queue<LoadInterval>[] _waiting = [.. loops.Select(_ => new Queue<LoadInterval>())];
    private readonly LatencyHistogram _second = new();

    /// <summary>The seconds that are over.</summary>
    public IReadOnlyList<LoadSecond> Seconds => _seconds;

    /// <summary>Takes what has been handed over; a second is over once every thread has handed it over.</summary>
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
        (int number, long errors, long sent, long received) = (0, 0, 0, 0);
        _second.Clear();
        for (int i = 0; i < loops.Count; i++)
        {
            LoadInterval interval = _waiting[i].Dequeue();
            _second.Add(interval.Latencies);
            (number, errors, sent, received) =
                (interval.Second, errors + interval.Errors, sent + interval.BytesSent, received + interval.BytesReceived);
            loops[i].Recorder.GiveBack(interval);
        }

        all.Add(_second);
        double elapsed = loops.Max(loop => loop.Elapsed) / 1e9;   // 0 until a thread has come to its end
        double length = elapsed > number ? Math.Min(elapsed - number, 1) : 1;
        LoadSecond second = new(number, length, _second.Count, errors, sent, received, LatencyReport.Of(_second));
        _seconds.Add(second);
        told?.Invoke(second, _second);
    }
}
