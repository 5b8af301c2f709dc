namespace Multiplex.Load.Nats.Coordinating;

/// <summary>How far an agent's clock is ahead of the coordinator's, from round trips: Cristian's algorithm.</summary>
/// <param name="Nanoseconds">The difference.</param>
/// <param name="ErrorNs">Half of the shortest round trip: the agent read its clock at some time within it, so the difference is no further off.</param>
/// <param name="MeasuredAt">The coordinator's clock in the middle of that round trip.</param>
/// <param name="LongestRoundTripNs">The longest round trip, which says how late a message may be.</param>
internal sealed record ClockOffset(long Nanoseconds, long ErrorNs, long MeasuredAt, long LongestRoundTripNs)
{
    // Both clocks may be off by 500 parts in a million: the kernel corrects none faster (adjtimex(2)), and a crystal is better than that.
    private const double MostDrift = 2 * 500e-6;

    /// <summary>That of some round trips.</summary>
    /// <param name="trips">The coordinator's clock before, the agent's within, and the coordinator's after: at least one.</param>
    public static ClockOffset Of(IReadOnlyCollection<(long Sent, long Read, long Received)> trips)
    {
        (long sent, long read, long received) = trips.MinBy(trip => trip.Received - trip.Sent);
        long middle = sent + ((received - sent) / 2);
        return new(read - middle, (received - sent + 1) / 2, middle, trips.Max(trip => trip.Received - trip.Sent));
    }

    /// <summary>A time of the coordinator's clock by the agent's.</summary>
    public long ToAgent(long time) => time + Nanoseconds;

    /// <summary>By how much the two may differ at a later time of the coordinator's clock, in nanoseconds.</summary>
    public long ErrorAt(long time) => ErrorNs + (long)Math.Ceiling(Math.Abs(time - MeasuredAt) * MostDrift);
}
