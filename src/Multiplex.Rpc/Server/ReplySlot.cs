namespace Multiplex.Rpc;

/// <summary>How far the call of a <see cref="ReplySlot"/> is.</summary>
internal enum SlotState
{
    /// <summary>There is none.</summary>
    Empty = 0,

    /// <summary>Somebody runs it: whoever has <see cref="ReplySlot.Running"/>.</summary>
    InProgress,

    /// <summary>It has been answered, and here is the reply.</summary>
    Answered,

    /// <summary>It has been run, once or not at all, and there is no reply to repeat: it was too long, or who ran it has died.</summary>
    WithoutReply,
}

/// <summary>
/// One call that was, or is being, run; the bytes of its reply follow it in memory. It is written so that it makes sense whenever its
/// writer dies: what is written last is always the state.
/// </summary>
internal struct ReplySlot
{
    private int _state;

    /// <summary>Held while the call is run: free it is if the one who ran it has died.</summary>
    public SharedMutex Running;

    /// <summary>Whose call it is. Means nothing when it is empty.</summary>
    public CallKey Key;

    /// <summary>When it was begun, answered or asked for last, in milliseconds of <see cref="Environment.TickCount64"/>.</summary>
    public long Touched;

    /// <summary>Bytes of the reply.</summary>
    public int ReplyLength;

    /// <summary>How far it is.</summary>
    public SlotState State
    {
        readonly get => (SlotState)Volatile.Read(in _state);
        set => Volatile.Write(ref _state, (int)value);
    }
}
