using static Multiplex.Interop.Libc;

namespace Multiplex.Engine.Calls;

/// <summary>The wait for a late reply on a thread that has nothing else to do: that of a connection, or of a server that serves one client at a time.</summary>
/// <param name="counters">Where events are counted, and what tells of a stop.</param>
internal sealed class LateWait(ServerCounters counters) : ILateTarget
{
    private static readonly TimeSpan s_lookAgain = TimeSpan.FromMilliseconds(100);   // whether the client is there: a descriptor more for each thread would be dearer

    private readonly object _lock = new();   // its Monitor is waited on
    private LateReply? _current;
    private bool _isCancelled;

    /// <summary>The connection whose calls are awaited; -1 where there is none.</summary>
    public int Descriptor { get; set; } = -1;

    /// <summary>Waits until the reply is there. A client that goes meanwhile has the call cancelled.</summary>
    public void Await(LateReply reply)
    {
        lock (_lock)
        {
            if (!reply.TryAwait(this))
                return;
            _current = reply;
            counters.Increment(Counter.CallsInFlight);
            if (_isCancelled)
                reply.Cancel(hasEnded: false);
            bool hasEnded = Descriptor < 0;
            while (_current is not null)
            {
                if (Monitor.Wait(_lock, s_lookAgain) || hasEnded || !HasGone())
                    continue;
                hasEnded = true;
                reply.Cancel(hasEnded: true);
            }

            counters.Add(Counter.CallsInFlight, -1);
        }
    }

    /// <summary>The server ends: the call that is awaited, and those that come, are cancelled. For another thread.</summary>
    public void Cancel()
    {
        lock (_lock)
        {
            _isCancelled = true;
            _current?.Cancel(hasEnded: false);
        }
    }

    /// <inheritdoc/>
    public void Completed(LateReply reply)
    {
        lock (_lock)
        {
            _current = null;
            Monitor.PulseAll(_lock);
        }
    }

    // Errors and hang-ups alone count: a client that has shut down its side waits for its replies, and so does one of a server that stops.
    private bool HasGone()
    {
        pollfd connection = new() { fd = Descriptor };
        return poll(new Span<pollfd>(ref connection), 0).Value > 0;
    }
}
