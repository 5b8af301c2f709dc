using Multiplex.Load.Measuring;

namespace Multiplex.Load.Merging;

/// <summary>
/// What one generator measured in all, as it is sent when it has ended. Its latencies are in the seconds that it has sent, each as a <see cref="SecondData"/>; their
/// numbers are here, so that a second that got lost is noticed.
/// </summary>
internal sealed record TallyData
{
    /// <summary>How many seconds of the measured time were sent.</summary>
    public required int Seconds { get; init; }

    /// <summary>How many latencies all that was sent has.</summary>
    public required long Requests { get; init; }

    /// <summary>Right replies within the measured time.</summary>
    public required long Replies { get; init; }

    /// <summary>Requests that never had a reply.</summary>
    public required long Unanswered { get; init; }

    /// <summary>The same by the second in which they were due or sent; up to the last that has any.</summary>
    public required IReadOnlyList<long> UnansweredBySecond { get; init; }

    /// <summary>In an open loop: latencies from when requests were sent.</summary>
    public required HistogramData Services { get; init; }

    /// <summary>In an open loop: the generator's own delay.</summary>
    public required HistogramData Lags { get; init; }

    /// <summary>The times that connections took to make.</summary>
    public required HistogramData Connects { get; init; }

    /// <summary>The errors.</summary>
    public required LoadErrors Errors { get; init; }

    /// <summary>The errors of slow readers and writers.</summary>
    public required LoadErrors SlowErrors { get; init; }

    /// <summary>Right replies to slow readers and writers.</summary>
    public required long SlowReplies { get; init; }

    /// <summary>Right replies to each connection, ascending, each less the one before: small numbers, however many connections.</summary>
    public required IReadOnlyList<long> RepliesByConnection { get; init; }

    /// <summary>Connections that sent requests and received no reply.</summary>
    public required int Starved { get; init; }

    /// <summary>Whether the run was ended early.</summary>
    public required bool IsInterrupted { get; init; }

    /// <summary>Bytes sent within the measured time.</summary>
    public required long BytesSent { get; init; }

    /// <summary>Bytes received within the measured time.</summary>
    public required long BytesReceived { get; init; }

    /// <summary>The measured time in ticks of <see cref="TimeSpan"/>.</summary>
    public required long ElapsedTicks { get; init; }

    /// <summary>The share of its time in which the busiest thread was busy.</summary>
    public required double BusiestThread { get; init; }

    /// <summary>That of a generator.</summary>
    public static TallyData Of(LoadTally tally) => new()
    {
        Seconds = tally.Seconds.Count,
        Requests = tally.Latencies.Count,
        Replies = tally.Replies,
        Unanswered = tally.Unanswered,
        UnansweredBySecond = [.. tally.Seconds.Take(1 + tally.Seconds.Select(second => second.Unanswered > 0).ToList().LastIndexOf(true)).Select(second => second.Unanswered)],
        Services = HistogramData.Of(tally.Services),
        Lags = HistogramData.Of(tally.Lags),
        Connects = HistogramData.Of(tally.Connects),
        Errors = tally.Errors,
        SlowErrors = tally.SlowErrors,
        SlowReplies = tally.SlowReplies,
        RepliesByConnection = [.. tally.RepliesByConnection.Select((replies, i) => i == 0 ? replies : replies - tally.RepliesByConnection[i - 1])],
        Starved = tally.Starved,
        IsInterrupted = tally.IsInterrupted,
        BytesSent = tally.BytesSent,
        BytesReceived = tally.BytesReceived,
        ElapsedTicks = tally.Elapsed.Ticks,
        BusiestThread = tally.BusiestThread,
    };
}
