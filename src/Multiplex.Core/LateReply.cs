using Multiplex.Engine;
using Multiplex.Engine.Calls;

namespace Multiplex;

/// <summary>
/// A reply that comes later than the protocol returns: it is left in <see cref="OutputBuffer.Late"/> in the place of a reply, and
/// <see cref="Complete"/> is called once the reply is there. The thread that does the I/O goes on meanwhile, where the model has other things for it to do.
/// </summary>
public abstract class LateReply
{
    /// <summary>How long a server that ends waits for the calls that it has cancelled.</summary>
    internal const int AfterCancelMilliseconds = 300;

    private const int Pending = 0, Awaited = 1, Completed = 2;

    private int _state;
    private ILateTarget? _target;

    /// <summary>The reply, in the form in which <c>IProtocol.AnswerFrame</c> or <c>IProtocol.AnswerMessage</c> appends it. Empty: there is none.</summary>
    public OutputBuffer Reply { get; protected set; } = null!;

    /// <summary>Bytes of memory that the call keeps until it is complete, as its arguments.</summary>
    public int Bytes { get; protected set; }

    /// <summary>What completes the call on the loop's thread: a connection, a datagram, or the item of a worker.</summary>
    internal object Owner { get; set; } = null!;

    /// <summary>The calls among which it is; null once it is no longer wanted.</summary>
    internal LateCalls? Calls { get; set; }

    /// <summary>The call before it.</summary>
    internal LateReply? Previous { get; set; }

    /// <summary>The call behind it.</summary>
    internal LateReply? Next { get; set; }

    /// <summary>Whether the reply is there, and waits for those of the calls before it.</summary>
    internal bool IsFinished { get; set; }

    /// <summary>Replies to calls that came behind it and were answered at once, where replies leave in the order of the calls.</summary>
    internal ref WriteQueue Behind => ref _behind;

    private WriteQueue _behind;

    /// <summary>The reply is not needed any more: the client is gone, or the server ends. Called by any thread, maybe more than once, and maybe after <see cref="Complete"/>.</summary>
    /// <param name="hasEnded">Whether the client is gone.</param>
    protected internal abstract void Cancel(bool hasEnded);

    /// <summary>The reply is there. To be called once, by any thread.</summary>
    protected void Complete()
    {
        if (Interlocked.Exchange(ref _state, Completed) == Awaited)
            _target!.Completed(this);
    }

    /// <summary>Has the target called once the reply is there.</summary>
    /// <returns>False when it is there already; then the target is not called.</returns>
    internal bool TryAwait(ILateTarget target)
    {
        _target = target;
        return Interlocked.CompareExchange(ref _state, Awaited, Pending) == Pending;
    }
}

/// <summary>The object that is called when a late reply is there.</summary>
internal interface ILateTarget
{
    /// <summary>It is there. Called by any thread.</summary>
    void Completed(LateReply reply);
}
