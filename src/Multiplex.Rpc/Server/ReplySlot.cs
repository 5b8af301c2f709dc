namespace Multiplex.Rpc;

/// <summary>How far the call of a place of a <see cref="ReplyBucket"/> is.</summary>
internal enum SlotState
{
    /// <summary>There never was one: its <see cref="ReplySlot"/> is still zeros.</summary>
    Unused = 0,

    /// <summary>There is none.</summary>
    Empty,

    /// <summary>It is run by the thread that has <see cref="ReplySlot.Running"/>.</summary>
    InProgress,

    /// <summary>It has been answered, and here is the reply.</summary>
    Answered,

    /// <summary>It has been run, once or not at all, and there is no reply to repeat: that was too long, or the thread died.</summary>
    WithoutReply,
}

/// <summary>One call that was, or is being, run; the bytes of its reply follow it in memory.</summary>
internal struct ReplySlot
{
    /// <summary>Held while the call is run: if the thread that ran it has died, it is free.</summary>
    public SharedMutex Running;

    /// <summary>Identifies the call among all others. Means nothing when the place is empty.</summary>
    public CallKey Key;

    /// <summary>Bytes of the reply.</summary>
    public int ReplyLength;
}
