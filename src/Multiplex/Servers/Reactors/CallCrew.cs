using System.Collections.Concurrent;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Servers.Reactors;

/// <summary>
/// Threads that run procedures for a reactor. Requests go to them by a queue, replies come back by another; a descriptor
/// tells the reactor that there are some. Everything but the workers' own loop belongs to the reactor's thread.
/// </summary>
internal sealed class CallCrew : IDisposable
{
    private const int KeptByOthers = 64 * 1024;

    private readonly IProtocol _protocol;
    private readonly int _workers;
    private readonly CallQueue _calls = new();
    private readonly ConcurrentQueue<HandedCall> _answered = new();
    private readonly Stack<HandedCall> _spare = new();
    private readonly List<HandedConnection> _touched = [];
    private int _inProgress;
    private int _told;   // 1 while the descriptor is readable or about to be

    /// <summary>Starts so many threads.</summary>
    public CallCrew(IProtocol protocol, int workers)
    {
        (_protocol, _workers) = (protocol, workers);
        for (int i = 0; i < workers; i++)
            new Thread(Work, ConnectionThreads.StackSize) { IsBackground = true, Name = "worker" }.Start();
    }

    /// <summary>Readable when there are replies: eventfd(2).</summary>
    public int Descriptor { get; } = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC).OrThrow("eventfd");

    /// <summary>Whether any reply is still to come.</summary>
    public bool IsBusy => _inProgress > 0;

    /// <summary>Hands a request of a connection over.</summary>
    public void Hand(HandedConnection connection, ReadOnlySpan<byte> request)
    {
        HandedCall call = Spare();
        call.Take(connection, request);
        _calls.Add(call);
    }

    /// <summary>Hands a request of a connection over, together with the array that begins with it.</summary>
    public void Hand(HandedConnection connection, byte[] request, int length)
    {
        HandedCall call = Spare();
        call.Take(connection, request, length);
        _calls.Add(call);
    }

    /// <summary>Hands a datagram over.</summary>
    public void Hand(HandedPort port, in DatagramOrigin origin, ReadOnlySpan<byte> request)
    {
        HandedCall call = Spare();
        call.Take(port, origin, request);
        _calls.Add(call);
    }

    /// <summary>Takes what replies there are: each connection and each port of datagrams is told its own.</summary>
    /// <returns>The connections that have replies to send, until the next call.</returns>
    public List<HandedConnection> TakeReplies(ReactorLoan loan)
    {
        // First the descriptor, then the flag, then the queue: a reply that is missed here tells again.
        eventfd_read(Descriptor, out _);
        Interlocked.Exchange(ref _told, 0);
        _touched.Clear();
        while (_answered.TryDequeue(out HandedCall? call))
        {
            if (call.Connection is { } connection && connection.Take(call, loan))
                _touched.Add(connection);
            call.Port?.Take(call);

            // Memory for long replies stays with as many calls as run at a time. To make it anew for each would have the garbage
            // collector stop all threads for every few of them.
            call.Reset(keep: _spare.Count < _workers ? OutputBuffer.UsuallyKept : KeptByOthers);
            _spare.Push(call);
            _inProgress--;
        }

        return _touched;
    }

    /// <summary>Sends the workers home once they have nothing to do.</summary>
    public void Dispose() => _calls.Complete();

    private HandedCall Spare()
    {
        _inProgress++;
        return _spare.TryPop(out HandedCall? call) ? call : new();
    }

    private void Work()
    {
        while (_calls.TryTake(out HandedCall? call))
        {
            call.Answer(_protocol);
            _answered.Enqueue(call);
            if (Interlocked.Exchange(ref _told, 1) == 0)
                eventfd_write(Descriptor, 1).OrThrow("eventfd_write");
        }
    }
}
