using System.Collections.Concurrent;
using Multiplex.Sockets;
using Multiplex.Transports;
using static Multiplex.Interop.Libc;

namespace Multiplex.Engine;

/// <summary>
/// Threads that run procedures for a reactor. Requests go to them by a queue, replies come back by another; a descriptor
/// tells the reactor that there are some. Everything but the workers' own loop belongs to the reactor's thread.
/// </summary>
internal sealed class CallCrew : IDisposable
{
    private const int KeptByOthers = 64 * 1024;

    private readonly IProtocol _protocol;
    private readonly ServerOptions _options;
    private readonly ServerCounters _counters;
    private readonly CallQueue _calls;
    private readonly ConcurrentQueue<HandedCall> _answered = new();
    private readonly Stack<HandedCall> _spare = new();
    private readonly List<HandedConnection> _touched = [];
    private int _inProgress;
    private int _told;   // 1 while the descriptor is readable or about to be

    /// <summary>Starts the threads.</summary>
    public CallCrew(IProtocol protocol, ServerOptions options, ServerCounters counters)
    {
        (_protocol, _options, _counters) = (protocol, options, counters);
        _calls = new(options.Workers, options.MaxCallsInProgress);
        for (int i = 0; i < options.Workers; i++)
            WorkerThread.Create("worker", Work).Start();
    }

    /// <summary>Readable when there are replies: eventfd(2).</summary>
    public int Descriptor { get; } = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC).OrThrow("eventfd");

    /// <summary>Whether any reply is still to come.</summary>
    public bool IsBusy => _inProgress > 0;

    /// <summary>How many calls more may wait for a worker. A caller that has none in progress may hand one over all the same.</summary>
    public int Room => Math.Max(0, _options.MaxQueuedCalls - _calls.Waiting);

    /// <summary>Hands a request of a connection over.</summary>
    public HandedCall Hand(HandedConnection connection, CallFlow flow, ReadOnlySpan<byte> request)
    {
        HandedCall call = Spare();
        call.Take(connection, request);
        return Add(call, flow);
    }

    /// <summary>Hands a request of a connection over, together with the array that begins with it.</summary>
    public HandedCall Hand(HandedConnection connection, CallFlow flow, byte[] request, int length)
    {
        HandedCall call = Spare();
        call.Take(connection, request, length);
        return Add(call, flow);
    }

    /// <summary>Hands a datagram over.</summary>
    public void Hand(HandedPort port, CallFlow flow, in DatagramOrigin origin, ReadOnlySpan<byte> request)
    {
        HandedCall call = Spare();
        call.Take(port, origin, request);
        Add(call, flow);
    }

    /// <summary>Takes what replies there are: each connection and each port of datagrams is told its own.</summary>
    /// <returns>The connections that have replies to send, until the next call.</returns>
    public List<HandedConnection> TakeReplies(LoopContext loan)
    {
        // First the descriptor, then the flag, then the queue: a reply that is missed here tells again.
        eventfd_read(Descriptor, out _);
        Interlocked.Exchange(ref _told, 0);
        _touched.Clear();
        while (_answered.TryDequeue(out HandedCall? call))
        {
            HandedConnection? connection = call.Connection;
            if (connection is null)
                call.Port!.Take(call);
            else if (connection.Take(call, loan))
                _touched.Add(connection);
        }

        return _touched;
    }

    /// <summary>The reply of a call has been taken, or is not wanted: the call is used again.</summary>
    public void Recycle(HandedCall call)
    {
        call.Flow!.InProgress--;
        call.Flow.BytesInProgress -= call.Bytes;
        _inProgress--;

        // Memory for long replies stays with as many calls as run at a time. To make it anew for each would have the garbage
        // collector stop all threads for every few of them.
        call.Reset(keep: _spare.Count < _options.Workers ? OutputBuffer.UsuallyKept : KeptByOthers);
        _spare.Push(call);
    }

    /// <summary>The caller has gone: its calls that no worker has taken yet are not run.</summary>
    public void Drop(CallFlow flow)
    {
        HandedCall? call = _calls.Drop(flow);
        while (call is not null)
        {
            HandedCall? next = call.Next;
            Recycle(call);
            _counters.Increment(Counter.CallsDropped);
            call = next;
        }
    }

    /// <summary>Sends the workers home once they have nothing to do.</summary>
    public void Dispose() => _calls.Complete();

    private HandedCall Spare() => _spare.TryPop(out HandedCall? call) ? call : new();

    private HandedCall Add(HandedCall call, CallFlow flow)
    {
        call.Flow = flow;
        flow.InProgress++;
        flow.BytesInProgress += call.Bytes;
        _inProgress++;
        _calls.Add(call);
        return call;
    }

    private void Work()
    {
        CallFlow? flow = null;
        while (_calls.TryTake(out HandedCall? call, finished: flow))
        {
            flow = call.Flow;
            if (flow!.IsLost)
            {
                call.Skip();
                _counters.Increment(Counter.CallsDropped);
            }
            else
            {
                call.Answer(_protocol);
            }

            _answered.Enqueue(call);
            if (Interlocked.Exchange(ref _told, 1) == 0)
                eventfd_write(Descriptor, 1).OrThrow("eventfd_write");
        }
    }
}
