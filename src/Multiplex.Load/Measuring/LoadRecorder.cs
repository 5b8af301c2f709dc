using System.Collections.Concurrent;
using Multiplex.Load.Engine;

namespace Multiplex.Load.Measuring;

/// <summary>The measurements of one thread in one second, or in the rest of the last one.</summary>
internal sealed class LoadInterval
{
    /// <summary>Latencies of the replies that came in it; of the interval after the end also the waits of unanswered requests.</summary>
    public LatencyHistogram Latencies { get; } = new();

    /// <summary>Seconds since measuring began.</summary>
    public int Second { get; set; }

    /// <summary>Whether it begins when the measured time is over.</summary>
    public bool IsAfterEnd { get; set; }

    /// <summary>Right replies that came in it.</summary>
    public long Replies { get; set; }

    public long BytesSent { get; set; }

    public long BytesReceived { get; set; }

    public long Errors { get; set; }

    /// <summary>The client's own longest delay in it, in nanoseconds; -1 without one.</summary>
    public long LongestLag { get; set; } = -1;
}

/// <summary>
/// The measurements of one client thread. The rate counts replies by their arrival; an open loop's latency counts requests by their due
/// time, because the latency of a request due in the warm-up belongs to the warm-up. Another thread takes the intervals second by second,
/// and adds and writes them, so that this delays no request.
/// </summary>
internal sealed class LoadRecorder(bool isOpenLoop)
{
    private readonly ConcurrentQueue<LoadInterval> _full = new();
    private readonly ConcurrentQueue<LoadInterval> _empty = new([new LoadInterval(), new LoadInterval()]);
    private readonly List<long> _unansweredBySecond = [];
    private LoadInterval _interval = new();
    private long _from = long.MinValue;
    private long _until = long.MaxValue;
    private long _sentBefore;
    private long _receivedBefore;
    private long _errorsBefore;

    /// <summary>The errors.</summary>
    public LoadErrors Errors { get; } = new();

    /// <summary>The times that connections took to make.</summary>
    public LatencyHistogram Connects { get; } = new();

    /// <summary>In an open loop: latencies from the time at which a request was sent, not from the time at which it was due.</summary>
    public LatencyHistogram? Services { get; } = isOpenLoop ? new() : null;

    /// <summary>The client's own delay in an open loop: from the time at which a request could be sent to the time at which it was sent.</summary>
    public LatencyHistogram? Lags { get; } = isOpenLoop ? new() : null;

    /// <summary>Right replies that came within the measured time; other threads may read it.</summary>
    public long Replies { get; private set; }

    /// <summary>Requests of the measured time that never had a reply.</summary>
    public long Unanswered { get; private set; }

    /// <summary>The same by the second in which they were due, or sent in a closed loop.</summary>
    public IReadOnlyList<long> UnansweredBySecond => _unansweredBySecond;

    public long BytesSent { get; set; }

    public long BytesReceived { get; set; }

    /// <summary>Bytes sent within the measured time.</summary>
    public long BytesSentInTime { get; private set; }

    /// <summary>Bytes received within the measured time.</summary>
    public long BytesReceivedInTime { get; private set; }

    /// <summary>The beginning and the end of the measured time. Set them before the first request.</summary>
    public void Measure(long from, long until) => (_from, _until) = (from, until);

    /// <summary>Records right replies.</summary>
    /// <param name="times">The time at which all their requests were due, and sent.</param>
    /// <param name="now">The time of arrival of all of them.</param>
    /// <param name="count">Their number: at least 1.</param>
    public void Record(RequestTimes times, long now, int count)
    {
        if (now >= _from && now < _until)
        {
            Replies += count;
            _interval.Replies += count;
        }

        if (!Counts(times.DueAt, now))
            return;
        _interval.Latencies.Record(now - times.DueAt, count);
        Services?.Record(now - times.SentAt, count);
    }

    /// <summary>Records that a request is about to be sent.</summary>
    public void RecordLag(long due, long lag)
    {
        if (due < _from)
            return;
        Lags?.Record(lag);
        _interval.LongestLag = Math.Max(_interval.LongestLag, lag);
    }

    /// <summary>Records a request that will have no reply.</summary>
    /// <param name="due">When it was due; in a closed loop, when it was sent.</param>
    /// <param name="now">Now.</param>
    /// <param name="waited">Whether the client waited for the reply until a time limit, and not until a failure: then that time counts as its latency.</param>
    public void RecordUnanswered(long due, long now, bool waited)
    {
        if (!Counts(due, now))
            return;
        Unanswered++;
        int second = (int)(Math.Max(due - _from, 0) / 1_000_000_000);
        while (_unansweredBySecond.Count <= second)
            _unansweredBySecond.Add(0);
        _unansweredBySecond[second]++;
        if (waited)
            _interval.Latencies.Record(now - due);
    }

    /// <summary>The measured time begins: bytes count from now.</summary>
    public void Begin() => (BytesSent, BytesReceived, _sentBefore, _receivedBefore, _errorsBefore) = (0, 0, 0, 0, Errors.Total);

    /// <summary>Ends a second: hands over its measurements.</summary>
    public void HandOver()
    {
        LoadInterval full = _interval;
        (full.BytesSent, full.BytesReceived, full.Errors) = (BytesSent - _sentBefore, BytesReceived - _receivedBefore, Errors.Total - _errorsBefore);
        (_sentBefore, _receivedBefore, _errorsBefore) = (BytesSent, BytesReceived, Errors.Total);
        if (!_empty.TryDequeue(out LoadInterval? next))
            next = new();   // the summing thread is late
        next.Second = full.Second + 1;
        _interval = next;
        _full.Enqueue(full);
    }

    /// <summary>The measured time is over: hands over its last part. Later replies go into a separate interval.</summary>
    public void End()
    {
        HandOver();
        _interval.IsAfterEnd = true;
        (BytesSentInTime, BytesReceivedInTime) = (BytesSent, BytesReceived);
    }

    /// <summary>Takes what has been handed over; to be given back with <see cref="GiveBack"/>.</summary>
    public bool TryTake(out LoadInterval? interval) => _full.TryDequeue(out interval);

    /// <summary>An interval that has been summed up may be used again.</summary>
    public void GiveBack(LoadInterval interval)
    {
        interval.Latencies.Clear();
        (interval.Replies, interval.LongestLag) = (0, -1);
        _empty.Enqueue(interval);
    }

    // In a closed loop, all requests that were in flight in the measured time count: otherwise no figure would include a request that was sent
    // in the warm-up and waited the whole time.
    private bool Counts(long due, long now) => (isOpenLoop ? due : now) >= _from;
}
