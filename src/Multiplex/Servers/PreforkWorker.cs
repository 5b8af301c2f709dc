using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Servers;

/// <summary>A worker that was forked ahead: accepts, serves to the end, accepts the next.</summary>
internal sealed class PreforkWorker(Service service, SharedListeners listeners, WorkerSeats seats, Children children)
    : ForkedChild(service, service.Stop.Descriptor, children.Descriptor)
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
    public override void Rehearse()
    {
        base.Rehearse();
        RuntimeHelpers.PrepareMethod(((Action<int>)RunInChild).Method.MethodHandle);
        RuntimeHelpers.PrepareMethod(((Action)Work).Method.MethodHandle);
        RehearseAccepting();
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.NoInlining)]
    protected override void Work() => Work(listeners, Conversation, Service.Counters, _seat, ChildProcess.IsToldToLeave);

    // A worker's whole loop on listeners that nobody knows, for a client that leaves at once, in a server that is stopping
    // once it has been served.
    private void RehearseAccepting()
    {
        List<Listener> unknown = [];
        Endpoint endpoint;
        do
        {
            endpoint = Endpoint.Parse($"unix:@multiplex-rehearsal-{Guid.NewGuid():N}");
            unknown.Add(Listener.Open(endpoint, backlog: 1));
        }
        while (unknown.Count < Math.Min(2, Service.Listeners.Count));   // one and several are waited for differently

        using ServerCounters scratch = new();
        using SharedListeners shared = new(unknown, scratch);
        close(Connector.Connect(endpoint));
        BlockingConversation conversation = new(Service.Protocol, Service.Options, scratch) { IsToEnd = () => EndRehearsal(shared, scratch) };
        Work(shared, conversation, scratch, seat: 0, isToldToLeave: static () => ChildProcess.IsToldToLeave() && false);
        if (scratch[Counter.Accepted] != 1 || scratch[Counter.Closed] != 1)
            throw new InvalidOperationException($"the rehearsal of accepting failed: {scratch.Summary()}");
    }

    private static bool EndRehearsal(SharedListeners shared, ServerCounters counters)
    {
        shared.SetBlocking(false);
        counters.Increment(Counter.Stopping);
        return true;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Work(
        SharedListeners from, BlockingConversation conversation, ServerCounters counters, int seat, Func<bool> isToldToLeave)
    {
        bool stopping = false;
        while (true)
        {
            if (!stopping && counters[Counter.Stopping] != 0)
            {
                // Whoever has connected is still served; accepting does not wait any more.
                stopping = true;
                from.LastCall();
            }

            if (!stopping && isToldToLeave())
                return;
            if (stopping ? from.TryTakeLast(out int descriptor, out PeerAddress peer) : from.TryTake(out descriptor, out peer))
                ServeInSeat(conversation, counters, seat, descriptor, peer);
            else if (stopping)
                return;
        }
    }

    private void ServeInSeat(BlockingConversation conversation, ServerCounters counters, int seat, int descriptor, PeerAddress peer)
    {
        // In this order: killed between two of these steps, a worker leaves a connection that nobody counts as closed, which
        // the parent sees in the end; never one that is counted twice.
        long accepted = counters.Increment(Counter.Accepted);
        Volatile.Write(ref seats.IsServing(seat), 1);
        if (accepted - counters[Counter.Closed] >= Service.Options.Workers)
            counters.Increment(Counter.AcceptPaused);   // the last free worker: who comes now waits in the kernel's queue
        Serve(conversation, counters, descriptor, peer);
        close(descriptor);
        Volatile.Write(ref seats.IsServing(seat), 0);
        counters.Increment(Counter.Closed);
    }
}
