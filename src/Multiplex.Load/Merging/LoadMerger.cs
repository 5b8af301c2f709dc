using Multiplex.Load.Measuring;
using Multiplex.Load.Reporting;

namespace Multiplex.Load.Merging;

/// <summary>
/// Adds up what the parts of a load measured: second by second while it runs, and the whole at its end. All that is counted is a sum, exactly; percentiles are those of
/// the added histograms.
/// </summary>
/// <param name="measures">For each part, whether its latencies are those to be told. Its replies and errors count in any case.</param>
/// <param name="interval">Called for each second that all parts have told; the histogram is that second's own.</param>
internal sealed class LoadMerger(IReadOnlyList<bool> measures, Action<LoadSecond, LatencyHistogram>? interval = null)
{
    private readonly List<Part> _parts = [.. measures.Select(one => new Part(one))];
    private readonly List<LoadSecond> _seconds = [];

    /// <summary>The last second that all parts have told.</summary>
    public LoadSecond? LastSecond => _seconds is [.., var last] ? last : null;

    /// <summary>Right replies of all seconds that were told.</summary>
    public long Replies => _parts.Sum(part => part.Replies);

    /// <summary>Errors of all seconds that were told.</summary>
    public long Errors => _parts.Sum(part => part.Errors);

    /// <summary>Whether all parts have ended.</summary>
    public bool IsComplete => _parts.TrueForAll(part => part.Tally is not null);

    /// <summary>How many seconds of the measured time a part has told.</summary>
    public int SecondsOf(int part) => _parts[part].Seconds;

    /// <summary>The latencies of a part so far.</summary>
    public LatencyHistogram LatenciesOf(int part) => _parts[part].Latencies;

    /// <summary>What a part measured in all; null until it has ended.</summary>
    public TallyData? TallyOf(int part) => _parts[part].Tally;

    /// <summary>Takes a second of a part; they come in order.</summary>
    /// <exception cref="FormatException">One got lost, or is damaged.</exception>
    public void Add(int part, SecondData second)
    {
        _parts[part].Add(second);
        Sum();
    }

    /// <summary>Takes the end of a part.</summary>
    /// <exception cref="FormatException">A second of it got lost, or it is damaged.</exception>
    public void Add(int part, TallyData tally)
    {
        _parts[part].End(tally);
        Sum();
        if (IsComplete && _parts.Exists(one => one.Waiting.Count > 0))
            Sum([.. _parts.Where(one => one.Waiting.Count > 0)]);
    }

    /// <summary>The sum of all parts, which have ended.</summary>
    /// <param name="startedAt">When measuring began.</param>
    public LoadTally Finish(DateTimeOffset startedAt)
    {
        LoadTally sum = new() { StartedAt = startedAt };
        foreach (Part part in _parts)
            sum.Add(part.Tally!, part.Measures ? part.Latencies : null);
        sum.Seconds =
        [
            .. _seconds.Select(second => second with
            {
                Unanswered = _parts.Sum(part => part.Tally!.UnansweredBySecond.ElementAtOrDefault(second.Second)),
            }),
        ];
        return sum;
    }

    // A second is over once each part has told it, or has ended before it.
    private void Sum()
    {
        while (_parts.TrueForAll(part => part.Waiting.Count > 0 || part.Tally is not null))
        {
            Part[] told = [.. _parts.Where(part => part.Waiting.TryPeek(out SecondData? next) && !next.IsAfterEnd)];
            if (told.Length == 0)
                return;
            Sum(told);
        }
    }

    private void Sum(Part[] told)
    {
        LatencyHistogram latencies = new();
        (double length, long replies, long errors, long sent, long received, double? lag) = (0, 0, 0, 0, 0, null);
        bool isAfterEnd = false;
        foreach (Part part in told)
        {
            SecondData one = part.Waiting.Dequeue();
            isAfterEnd |= one.IsAfterEnd;
            (replies, errors, sent, received) = (replies + one.Replies, errors + one.Errors, sent + one.SentBytes, received + one.ReceivedBytes);
            (length, lag) = (Math.Max(length, one.LengthS), part.Measures && one.LagMaxUs is { } longest ? Math.Max(lag ?? 0, longest) : lag);
            if (part.Measures)
                latencies.Add(one.Latencies.ToHistogram());
        }

        LoadSecond second = new(_seconds.Count, length, replies, errors, sent, received, LatencyReport.Of(latencies)) { LagMaxUs = lag, IsAfterEnd = isAfterEnd };
        if (!isAfterEnd)
            _seconds.Add(second);
        if (!isAfterEnd || latencies.Count > 0)
            interval?.Invoke(second, latencies);
    }

    private sealed class Part(bool measures)
    {
        public bool Measures => measures;

        public LatencyHistogram Latencies { get; } = new();

        public Queue<SecondData> Waiting { get; } = new();

        public int Seconds { get; private set; }

        public long Replies { get; private set; }

        public long Errors { get; private set; }

        public TallyData? Tally { get; private set; }

        private bool IsAfterEnd { get; set; }

        public void Add(SecondData second)
        {
            if (second.Second != Seconds || IsAfterEnd || Tally is not null)
                throw new FormatException($"second {second.Second} was told after {Seconds} seconds: what was between got lost");
            Latencies.Add(second.Latencies.ToHistogram());
            (Replies, Errors, IsAfterEnd) = (Replies + second.Replies, Errors + second.Errors, second.IsAfterEnd);
            if (!second.IsAfterEnd)
                Seconds++;
            Waiting.Enqueue(second);
        }

        public void End(TallyData tally)
        {
            if (tally.Seconds != Seconds || tally.Requests != Latencies.Count)
                throw new FormatException($"{Seconds} of its {tally.Seconds} seconds and {Latencies.Count} of its {tally.Requests} latencies have come: the others got lost");
            Tally = tally;
        }
    }
}
