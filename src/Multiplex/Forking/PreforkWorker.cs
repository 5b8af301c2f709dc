using System.Diagnostics.CodeAnalysis;
using Multiplex.Engine;
using Multiplex.Sockets;
using Multiplex.Transports;
using static Multiplex.Interop.Libc;

namespace Multiplex.Forking;

/// <summary>A worker that was forked ahead: takes a connection or a datagram, serves it to the end, takes the next.</summary>
internal sealed class PreforkWorker(Service service, SharedSockets sockets, WorkerSeats seats, Children children, HeldMemory memory)
    : ForkedChild(service, memory, service.Stop.Descriptor, children.Descriptor)
{
    private int _seat;

    /// <inheritdoc/>
    protected override string Name => "worker";

    /// <summary>The whole life of a worker. Never returns.</summary>
    [DoesNotReturn]
    public void RunInChild(int seat)
    {
        _seat = seat;
        Live();
    }

    /// <inheritdoc/>
    protected override void Work()
    {
        ServerCounters counters = Service.Counters;
        LeavingConnections leaving = new(Service.Options, counters, closed: () => counters.Increment(Counter.Closed));
        bool stopping = false;
        while (true)
        {
            if (!stopping && counters[Counter.Stopping] != 0)
            {
                // What has connected is still served; accepting does not wait any more.
                stopping = true;
                sockets.LastCall();
            }

            if (!stopping && ChildProcess.IsToldToLeave())
                return;
            if (!(stopping ? sockets.TryTakeLast(out Arrival arrival) : sockets.TryTake(out arrival)))
            {
                if (!stopping)
                    continue;
                leaving.AwaitAll();
                return;
            }

            if (arrival.Port is { } port)
                Answer(port, counters);
            else
                ServeInSeat(counters, leaving, arrival.Descriptor, arrival.Peer);
        }
    }

    private void ServeInSeat(ServerCounters counters, LeavingConnections leaving, int descriptor, PeerAddress peer)
    {
        // In this order: killed between two of these steps, a worker leaves a connection that nobody counts as closed, which
        // the parent sees in the end; never one that is counted twice.
        if (!counters.TryCountAccepted(Service.Options.MaxConnections, out long open))
        {
            counters.Increment(Counter.Refused);   // before the client can see it
            close(descriptor);
            return;
        }

        Volatile.Write(ref seats.IsServing(_seat), 1);
        if (open >= Service.Options.Workers)
            counters.Increment(Counter.AcceptPaused);   // the last free worker: the next client waits in the kernel's queue
        bool isLeaving = Serve(Conversation, counters, descriptor, peer);
        LargeArrays.Pool.Trim();
        if (!isLeaving)
            close(descriptor);
        Volatile.Write(ref seats.IsServing(_seat), 0);
        if (isLeaving)
            leaving.Add(descriptor, peer.Peer.Kind);
        else
            counters.Increment(Counter.Closed);
    }
}
