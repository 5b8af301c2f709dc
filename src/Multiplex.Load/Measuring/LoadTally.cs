using Multiplex.Load.Engine;
using Multiplex.Load.Merging;

namespace Multiplex.Load.Measuring;

/// <summary>The measurements of all client threads of a run.</summary>
public sealed class LoadTally
{
    /// <summary>
    /// The latency of each right reply in nanoseconds: in a closed loop from just before its request was sent, in an open loop from when
    /// that was due. Requests without a reply at the end are among them, with the time that they had waited.
    /// </summary>
    public LatencyHistogram Latencies { get; } = new();

    /// <summary>In an open loop: the same from when the request was sent. What lies between is time spent waiting for a free slot.</summary>
    public LatencyHistogram Services { get; } = new();

    /// <summary>In an open loop: how much later than possible requests were sent, as the client itself was late.</summary>
    public LatencyHistogram Lags { get; } = new();

    /// <summary>The times that connections took to make.</summary>
    public LatencyHistogram Connects { get; } = new();

    /// <summary>The errors.</summary>
    public LoadErrors Errors { get; } = new();

    /// <summary>The errors of slow readers and writers. They do not fail a run, because a server may disconnect such clients.</summary>
    public LoadErrors SlowErrors { get; } = new();

    /// <summary>Right replies that slow readers and writers got.</summary>
    public long SlowReplies { get; private set; }

    /// <summary>The results of each second.</summary>
    public IReadOnlyList<LoadSecond> Seconds { get; internal set; } = [];

    /// <summary>When measuring began.</summary>
    public DateTimeOffset StartedAt { get; internal set; }

    /// <summary>Right replies that came within the measured time.</summary>
    public long Replies { get; private set; }

    /// <summary>
    /// Requests that never had a reply: those still without one a second after the end, and those that were under way on a connection that broke.
    /// Datagrams counted as lost are not among them.
    /// </summary>
    public long Unanswered { get; private set; }

    /// <summary>Right replies to each connection, ascending.</summary>
    public IReadOnlyList<long> RepliesByConnection { get; private set; } = [];

    /// <summary>Connections that sent requests and received no reply.</summary>
    public int Starved { get; private set; }

    /// <summary>Whether the run was ended early.</summary>
    public bool IsInterrupted { get; internal set; }

    /// <summary>Bytes sent within the measured time.</summary>
    public long BytesSent { get; private set; }

    /// <summary>Bytes received within the measured time.</summary>
    public long BytesReceived { get; private set; }

    /// <summary>The measured time.</summary>
    public TimeSpan Elapsed { get; private set; }

    /// <summary>Right replies a second.</summary>
    public double Throughput => Elapsed > TimeSpan.Zero ? Replies / Elapsed.TotalSeconds : 0;

    /// <summary>The share of its time in which the busiest client thread was busy, from 0 to 1; polling without a result does not count.</summary>
    public double BusiestThread { get; private set; }

    /// <summary>Bytes that the client threads allocated.</summary>
    internal long Allocated { get; private set; }

    /// <summary>Adds what one thread measured; its latencies have been handed over second by second.</summary>
    internal void Add(LoadLoop loop)
    {
        LoadRecorder recorder = loop.Recorder;
        Connects.Add(recorder.Connects);
        if (recorder is { Services: { } services, Lags: { } lags })
        {
            Services.Add(services);
            Lags.Add(lags);
        }

        Errors.Add(recorder.Errors);
        Errors.AddStatuses(loop.Failures);
        SlowErrors.Add(loop.Slow.Errors);
        SlowReplies += loop.Slow.Replies;
        Replies += recorder.Replies;
        RepliesByConnection = [.. RepliesByConnection.Concat(loop.Measured.Select(connection => connection.Replies)).Order()];
        Starved += loop.Measured.Count(connection => connection.IsStarved);
        Unanswered += recorder.Unanswered;
        BytesSent += recorder.BytesSentInTime;
        BytesReceived += recorder.BytesReceivedInTime;
        Allocated += loop.Allocated;
        TimeSpan elapsed = TimeSpan.FromTicks(loop.Elapsed / TimeSpan.NanosecondsPerTick);
        Elapsed = elapsed > Elapsed ? elapsed : Elapsed;
        BusiestThread = Math.Max(BusiestThread, loop.Busy);
    }

    /// <summary>Adds what one part of a load measured.</summary>
    /// <param name="part">The part.</param>
    /// <param name="latencies">Its latencies; null where they are not to be told.</param>
    /// <exception cref="FormatException">It is damaged.</exception>
    internal void Add(TallyData part, LatencyHistogram? latencies)
    {
        Connects.Add(part.Connects.ToHistogram());
        if (latencies is not null)
        {
            Latencies.Add(latencies);
            Services.Add(part.Services.ToHistogram());
            Lags.Add(part.Lags.ToHistogram());
        }

        long connection = 0;
        Errors.Add(part.Errors);
        SlowErrors.Add(part.SlowErrors);
        SlowReplies += part.SlowReplies;
        Replies += part.Replies;
        RepliesByConnection = [.. RepliesByConnection.Concat(part.RepliesByConnection.Select(more => connection += more)).Order()];
        Starved += part.Starved;
        Unanswered += part.Unanswered;
        IsInterrupted |= part.IsInterrupted;
        BytesSent += part.BytesSent;
        BytesReceived += part.BytesReceived;
        TimeSpan elapsed = TimeSpan.FromTicks(part.ElapsedTicks);
        Elapsed = elapsed > Elapsed ? elapsed : Elapsed;
        BusiestThread = Math.Max(BusiestThread, part.BusiestThread);
    }
}
