using System.Collections.Concurrent;

namespace Multiplex.Engine.Calls;

/// <summary>
/// The late replies of a loop: any thread may complete a call, and the loop's thread takes its reply. The counterpart of
/// <see cref="WorkerPool"/> for calls that no worker runs.
/// </summary>
/// <param name="post">Makes the loop's thread run something soon. For any thread.</param>
/// <param name="options">The limits.</param>
/// <param name="counters">Where events are counted.</param>
internal sealed class LateReplies(Action<Action> post, ServerOptions options, ServerCounters counters) : ILateTarget
{
    private readonly ConcurrentQueue<LateReply> _completed = new();
    private Action? _take;
    private int _isPosted;   // 1 while the loop is about to take replies

    /// <summary>The limits.</summary>
    public ServerOptions Options => options;

    /// <summary>Calls whose replies the loop has not taken yet. For the loop's thread alone.</summary>
    public int InFlight { get; private set; }

    /// <summary>Whether one more call may be in flight, over all loops of the server. A caller that has none may have one all the same.</summary>
    public bool HasRoom => counters[Counter.CallsInFlight] < options.MaxAsyncCalls;

    /// <summary>Adds a call in flight; its owner is an <see cref="ILateOwner"/>.</summary>
    /// <returns>False if its reply is ready already: it is not posted then.</returns>
    public bool TryAwait(LateReply call)
    {
        counters.Increment(Counter.CallsInFlight);
        InFlight++;
        if (call.TryAwait(this))
            return true;
        counters.Add(Counter.CallsInFlight, -1);
        InFlight--;
        return false;
    }

    /// <inheritdoc/>
    public void Completed(LateReply reply)
    {
        _completed.Enqueue(reply);
        if (Interlocked.Exchange(ref _isPosted, 1) == 0)
            post(_take ??= Take);
    }

    private void Take()
    {
        // First the flag, then the queue: a reply that is added meanwhile is posted again.
        Interlocked.Exchange(ref _isPosted, 0);
        while (_completed.TryDequeue(out LateReply? reply))
        {
            InFlight--;
            counters.Add(Counter.CallsInFlight, -1);
            ((ILateOwner)reply.Owner).Complete(reply);
        }
    }
}

/// <summary>The origin of a request whose reply comes later, which sends the reply.</summary>
internal interface ILateOwner
{
    /// <summary>Called on the loop's thread when the reply is ready.</summary>
    void Complete(LateReply reply);
}
