using System.Collections.Concurrent;
using System.Diagnostics;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Servers;

/// <summary>One thread of a pool, and the connection that it is serving.</summary>
internal sealed class PoolWorker
{
    private const int StackSize = 256 * 1024;
    private const int None = -1;

    private readonly Service _service;
    private readonly BlockingCollection<(int Descriptor, PeerAddress Peer)> _queue;
    private readonly BlockingConversation _conversation;
    private readonly Thread _thread;
    private readonly Lock _closing = new();   // so that a wake never hits a descriptor that was closed and used again
    private int _descriptor = None;
    private long _sentWhenLastSeen = -1;
    private long _stalledSince;
    private bool _cutOff;

    /// <summary>Makes the worker; <see cref="Start"/> sets it to work.</summary>
    public PoolWorker(Service service, BlockingCollection<(int Descriptor, PeerAddress Peer)> queue)
    {
        _service = service;
        _queue = queue;
        _conversation = new(service.Protocol, service.Options, service.Counters);
        _thread = new Thread(Work, StackSize) { IsBackground = true, Name = "worker" };
    }

    /// <summary>Starts to take connections from the queue.</summary>
    public void Start() => _thread.Start();

    /// <summary>Waits at most this long for the worker to end, after the queue has been completed.</summary>
    public bool HasFinished(TimeSpan within) => _thread.Join(within);

    /// <summary>
    /// The server is stopping: ends the wait for a request, so that what has arrived is answered and the connection
    /// closed; cuts off a peer that takes none of its replies, or, with <paramref name="cut"/>, any.
    /// </summary>
    public void Wake(bool cut)
    {
        lock (_closing)
        {
            if (_descriptor == None)
                return;
            if (cut || HasStalled())
            {
                if (!_cutOff)
                    _service.Counters.Increment(Counter.CutOff);
                _cutOff = true;
                shutdown(_descriptor, SHUT_RDWR);
            }
            else
            {
                shutdown(_descriptor, SHUT_RD);
            }
        }
    }

    private bool HasStalled()
    {
        if (!_conversation.IsSending || _conversation.Sent != _sentWhenLastSeen)
        {
            _sentWhenLastSeen = _conversation.Sent;
            _stalledSince = Stopwatch.GetTimestamp();
            return false;
        }

        return Stopwatch.GetElapsedTime(_stalledSince) > _service.Options.DrainStall;
    }

    private void Work()
    {
        foreach ((int descriptor, PeerAddress peer) in _queue.GetConsumingEnumerable())
        {
            lock (_closing)
            {
                _descriptor = descriptor;
                _cutOff = false;
            }

            _conversation.Serve(descriptor, peer);
            lock (_closing)
            {
                _descriptor = None;
                close(descriptor);
            }

            _service.Counters.Increment(Counter.Closed);
        }
    }
}
