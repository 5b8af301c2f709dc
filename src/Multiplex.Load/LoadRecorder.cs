using System.Collections.Concurrent;

namespace Multiplex.Load;

/// <summary>What one thread measured in one second, or in the part of it that was left.</summary>
internal sealed class LoadInterval
{
    public LatencyHistogram Latencies { get; } = new();

    /// <summary>Seconds since measuring began.</summary>
    public int Second { get; set; }

    public long BytesSent { get; set; }

    public long BytesReceived { get; set; }

    public long Errors { get; set; }
}

/// <summary>
/// What one client thread measures. It is handed over second by second, so that whoever sums it up and writes it down does so on
/// another thread and never delays a request.
/// </summary>
internal sealed class LoadRecorder(bool isOpenLoop)
{
    private readonly ConcurrentQueue<LoadInterval> _full = new();
    private readonly ConcurrentQueue<LoadInterval> _empty = new([new LoadInterval(), new LoadInterval()]);
    private LoadInterval _interval = new();
    private long _sentBefore;
    private long _receivedBefore;
    private long _errorsBefore;

    /// <summary>What went wrong.</summary>
    public LoadErrors Errors { get; } = new();

    /// <summary>How long connections took to make.</summary>
    public LatencyHistogram Connects { get; } = new();

    /// <summary>From the moment that a request was sent, where latencies count from the moment that it was due: an open loop.</summary>
    public LatencyHistogram? Services { get; } = isOpenLoop ? new() : null;

    /// <summary>How much later than it could have been a request was sent: the client's own delay, in an open loop.</summary>
    public LatencyHistogram? Lags { get; } = isOpenLoop ? new() : null;

    /// <summary>Right replies in the measured time; other threads may look at it.</summary>
    public long Replies { get; private set; }

    /// <summary>Requests that had no reply when all was over.</summary>
    public long Unanswered { get; private set; }

    public long BytesSent { get; set; }

    public long BytesReceived { get; set; }

    /// <summary>In an open loop: what was due earlier does not count, as measuring had not begun.</summary>
    public long DueFrom { get; set; }

    /// <summary>A right reply has come.</summary>
    public void Record(AskedAt asked, long now)
    {
        if (asked.DueAt < DueFrom)
            return;
        _interval.Latencies.Record(now - asked.DueAt);
        Replies++;
        Services?.Record(now - asked.SentAt);
    }

    /// <summary>A request is about to be sent.</summary>
    public void RecordLag(long due, long lag)
    {
        if (due >= DueFrom)
            Lags?.Record(lag);
    }

    /// <summary>All is over, and a request still has no reply: it counts with the time that it has waited, as if answered now.</summary>
    public void RecordUnanswered(long due, long now)
    {
        if (due < DueFrom)
            return;
        _interval.Latencies.Record(now - due);
        Unanswered++;
    }

    /// <summary>Measuring begins: what was so far is forgotten, but for errors and connections made.</summary>
    public void Begin(long dueFrom)
    {
        if (isOpenLoop)
            DueFrom = dueFrom;
        _interval.Latencies.Clear();
        Services?.Clear();
        Lags?.Clear();
        (Replies, BytesSent, BytesReceived) = (0, 0, 0);
    }

    /// <summary>A second is over: hands over what it brought.</summary>
    public void HandOver()
    {
        LoadInterval full = _interval;
        (full.BytesSent, full.BytesReceived, full.Errors) = (BytesSent - _sentBefore, BytesReceived - _receivedBefore, Errors.Total - _errorsBefore);
        (_sentBefore, _receivedBefore, _errorsBefore) = (BytesSent, BytesReceived, Errors.Total);
        if (!_empty.TryDequeue(out LoadInterval? next))
            next = new();   // whoever sums up is late
        next.Second = full.Second + 1;
        _interval = next;
        _full.Enqueue(full);
    }

    /// <summary>Takes what has been handed over; to be given back with <see cref="GiveBack"/>.</summary>
    public bool TryTake(out LoadInterval? interval) => _full.TryDequeue(out interval);

    /// <summary>An interval that has been summed up may be used again.</summary>
    public void GiveBack(LoadInterval interval)
    {
        interval.Latencies.Clear();
        _empty.Enqueue(interval);
    }
}
