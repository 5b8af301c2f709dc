namespace Multiplex.Engine;

/// <summary>What is counted when a connection is closed.</summary>
internal static class CloseReasonCounting
{
    /// <summary>Counts the reason, if it has a counter. <see cref="CloseReason.Malformed"/> is counted by the session, which finds it.</summary>
    public static void Count(this ServerCounters counters, CloseReason reason, Session session)
    {
        if (reason == CloseReason.IdleTimeout)
            counters.Increment(Counter.IdleTimeouts);
        else if (reason == CloseReason.RequestTimeout)
            counters.Increment(Counter.RequestTimeouts);
        else if (reason == CloseReason.Broken && !session.IsHealthCheck)
            counters.Increment(Counter.Broken);
        else if (reason == CloseReason.MemoryLimit)
            counters.Increment(Counter.MemoryClosed);
        else if (reason == CloseReason.CutOff)
            counters.Increment(Counter.CutOff);
    }
}
