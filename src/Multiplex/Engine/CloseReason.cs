namespace Multiplex.Engine;

/// <summary>Why a connection is closed.</summary>
internal enum CloseReason : byte
{
    /// <summary>The peer has shut down its side and has every reply; or the server is stopping, and what had arrived is answered; or a client has made its calls.</summary>
    Finished,

    /// <summary>The bytes were no request.</summary>
    Malformed,

    /// <summary>No byte moved in either direction for <see cref="ServerOptions.IdleTimeout"/>.</summary>
    IdleTimeout,

    /// <summary>A request took longer to arrive than <see cref="ServerOptions.RequestTimeout"/>.</summary>
    RequestTimeout,

    /// <summary>The connection failed, as by a reset.</summary>
    Broken,

    /// <summary>All connections together held more than <see cref="ServerOptions.MaxMemory"/>, and this one held most.</summary>
    MemoryLimit,

    /// <summary>The server is stopping, and the time to drain is over, or the peer takes no replies for <see cref="ServerOptions.DrainStall"/>.</summary>
    CutOff,
}

/// <summary>What is counted when a connection is closed.</summary>
internal static class CloseReasonCounting
{
    /// <summary>Counts the reason, if it has a counter. <see cref="CloseReason.Malformed"/> is counted by the session, which finds it.</summary>
    public static void Count(this ServerCounters counters, CloseReason reason)
    {
        if (reason == CloseReason.IdleTimeout)
            counters.Increment(Counter.IdleTimeouts);
        else if (reason == CloseReason.RequestTimeout)
            counters.Increment(Counter.RequestTimeouts);
        else if (reason == CloseReason.Broken)
            counters.Increment(Counter.Broken);
        else if (reason == CloseReason.MemoryLimit)
            counters.Increment(Counter.MemoryClosed);
        else if (reason == CloseReason.CutOff)
            counters.Increment(Counter.CutOff);
    }
}
