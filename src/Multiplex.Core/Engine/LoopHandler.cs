namespace Multiplex.Engine;

/// <summary>A descriptor of an <see cref="EventLoop"/>, and what is done when it is ready: a connection, a listener, a datagram socket, the stop, a wake-up.</summary>
/// <param name="descriptor">The descriptor; -1 when there is none yet.</param>
internal abstract class LoopHandler(int descriptor)
{
    /// <summary>The descriptor; -1 while there is none. It changes only while the handler is in no loop.</summary>
    public int Descriptor { get; protected set; } = descriptor;

    /// <summary>What the loop waits for, for this handler.</summary>
    public Interest Watched { get; set; }

    /// <summary>Whether the loop has a turn in store for this handler.</summary>
    public bool HasTurn { get; set; }

    /// <summary>The descriptor is ready: does what can be done without waiting.</summary>
    public abstract Next OnReady(Interest ready);

    /// <summary>The turn that the handler has asked for, by <see cref="Next"/> or <see cref="EventLoop.Defer"/>.</summary>
    public virtual Next OnTurn() => new(Watched);

    /// <summary>The loop has removed the handler, which closes its descriptor.</summary>
    public virtual void OnClosed(CloseReason reason)
    {
    }
}

/// <summary>What a handler wants next. The loop applies it.</summary>
/// <param name="interest">What to wait for.</param>
/// <param name="wantsTurn">Whether the handler has something to do in the next turn, whatever becomes ready.</param>
internal readonly struct Next(Interest interest, bool wantsTurn = false)
{
    private Next(CloseReason reason)
        : this(Interest.None) => Close = reason;

    /// <summary>What to wait for.</summary>
    public Interest Interest { get; } = interest;

    /// <summary>Whether the handler has something to do in the next turn.</summary>
    public bool WantsTurn { get; } = wantsTurn;

    /// <summary>Why the handler is to be removed and closed; null when it stays.</summary>
    public CloseReason? Close { get; }

    /// <summary>The handler is to be removed and closed.</summary>
    public static Next Closing(CloseReason reason) => new(reason);
}
