namespace Multiplex.Load.Workload;

/// <summary>
/// The times at which the requests of one client thread are due. The threads take turns: the first request belongs to the first thread, the
/// next to the second. Requests that are due and not taken are the backlog. It needs no memory, because the schedule can compute its times again.
/// </summary>
internal sealed class ArrivalSchedule
{
    private readonly OpenLoop _arrivals;
    private readonly double _warmUp;
    private readonly double _duration;
    private readonly int _threads;
    private readonly Random? _random;   // the same arrivals in each run, so that runs can be compared
    private double _position;           // how many requests of all threads come before the next of this one
    private long _start;
    private long _next = long.MaxValue;

    public ArrivalSchedule(LoadOptions options, OpenLoop arrivals, int thread, int threads)
    {
        (_arrivals, _threads, _position) = (arrivals, threads, thread);
        (_warmUp, _duration) = (options.WarmUp.TotalSeconds, options.Duration.TotalSeconds);
        if (arrivals.Spacing == ArrivalSpacing.Poisson)
        {
            _random = new(thread);
            _position = 0;
            Advance();
        }
    }

    /// <summary>The due time of the next request that has not been taken; never, after the end.</summary>
    public long Next => _next < End ? _next : long.MaxValue;

    /// <summary>The end: a request that would be due later is not sent.</summary>
    public long End { get; set; } = long.MaxValue;

    /// <summary>The load begins now.</summary>
    public void Begin(long start)
    {
        _start = start;
        _next = At(_position);
    }

    /// <summary>Takes the next request when it is due by now.</summary>
    public bool TryTake(long now, out long due)
    {
        due = Next;
        if (due > now)
            return false;
        Advance();
        _next = At(_position);
        return true;
    }

    /// <summary>The approximate number of requests that are due and have not been taken.</summary>
    public long Overdue(long now)
    {
        if (Next > now)
            return 0;
        double due = CountBy((Math.Min(now, End) - _start) / 1e9);
        return (long)Math.Max((due - _position) / _threads, 0) + 1;
    }

    private void Advance() => _position += _random is null ? _threads : -Math.Log(1 - _random.NextDouble()) * _threads;

    private long At(double position) => _start + (long)(TimeOf(position) * 1e9);

    // Seconds after the start at which the integral of the rate reaches this count.
    private double TimeOf(double count)
    {
        (double from, double to) = (_arrivals.FromPerS, _arrivals.ToPerS);
        double ramped = count - (from * _warmUp), ramp = (from + to) / 2 * _duration;
        if (ramped <= 0)
            return count / from;
        if (ramped > ramp)
            return _warmUp + _duration + ((ramped - ramp) / to);

        // from*t + (to-from)/(2*duration)*t^2 = ramped, in a form that also holds where the rate does not change
        return _warmUp + (2 * ramped / (from + Math.Sqrt((from * from) + (2 * (to - from) / _duration * ramped))));
    }

    private double CountBy(double seconds)
    {
        (double from, double to) = (_arrivals.FromPerS, _arrivals.ToPerS);
        double ramped = Math.Clamp(seconds - _warmUp, 0, _duration);
        return (from * Math.Min(seconds, _warmUp)) + (from * ramped) + ((to - from) / (2 * _duration) * ramped * ramped);
    }
}
