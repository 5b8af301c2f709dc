using System.Diagnostics;
using Multiplex.Engine;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Transports;

/// <summary>
/// A conversation that one thread holds and another may end. A thread that waits in recv(2) or send(2) sees nothing else:
/// at a stop somebody has to wake it, and must not hit a descriptor that was closed and used again meanwhile.
/// </summary>
/// <param name="service">What it serves.</param>
/// <param name="memory">Where what its connections hold is counted.</param>
internal sealed class WatchedConversation(Service service, HeldMemory.Holder? memory = null)
{
    private readonly LeavingConnections _leaving = new(service.Options, service.Counters, () => service.Counters.Increment(Counter.Closed));
    private const int None = -1;

    private readonly BlockingConversation _conversation = new(service.Protocol, service.Options, service.Counters, memory);
    private readonly Lock _closing = new();
    private int _descriptor = None;
    private long _sentWhenLastSeen = -1;
    private long _stalledSince;
    private bool _cutOff;

    /// <summary>
    /// Serves a connection to its end, closes it and counts it; while the server stops, it is closed when its peer has everything: see
    /// <see cref="AwaitDelivery"/>.
    /// </summary>
    public void Serve(int descriptor, PeerAddress peer)
    {
        lock (_closing)
        {
            _descriptor = descriptor;
            _cutOff = false;
        }

        ConversationEnd end = _conversation.Serve(descriptor, peer);
        lock (_closing)
        {
            _descriptor = None;
            if (end == ConversationEnd.Finished && service.Counters[Counter.Stopping] != 0)
            {
                _leaving.Add(descriptor, peer.Peer.Kind);
                return;
            }

            close(descriptor);
        }

        service.Counters.Increment(Counter.Closed);
    }

    /// <summary>The server is stopping, and the last connection was served: waits until the peers of all have what was sent to them.</summary>
    public void AwaitDelivery() => _leaving.AwaitAll();

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
                    service.Counters.Increment(Counter.CutOff);
                _cutOff = true;
                shutdown(_descriptor, SHUT_RDWR);
            }
            else
            {
                shutdown(_descriptor, SHUT_RD);
            }
        }
    }

    /// <summary>Ends the connection that is served, whatever its thread waits for: it holds too much memory.</summary>
    public void Evict()
    {
        lock (_closing)
        {
            if (_descriptor != None)
                shutdown(_descriptor, SHUT_RDWR);
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

        return Stopwatch.GetElapsedTime(_stalledSince) > service.Options.DrainStall;
    }
}
