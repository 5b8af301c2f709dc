using System.Diagnostics.CodeAnalysis;
using System.Runtime;
using System.Runtime.CompilerServices;
using System.Text;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Servers;

/// <summary>
/// What a worker that was forked ahead does, from its first instruction to its last: accept, serve to the end, accept the
/// next. The same once before the first fork, in the parent: see <see cref="Rehearsal"/>.
/// </summary>
internal sealed class PreforkWorker
{
    private readonly Service _service;
    private readonly SharedListeners _listeners;
    private readonly WorkerSeats _seats;
    private readonly BlockingConversation _conversation;
    private readonly int[] _parentsDescriptors;
    private readonly int _parent = getpid();
    private long _compiled;

    /// <summary>Prepares for workers of this service that share these listeners and seats.</summary>
    public PreforkWorker(Service service, SharedListeners listeners, WorkerSeats seats, Children children)
    {
        _service = service;
        _listeners = listeners;
        _seats = seats;
        _conversation = new(service.Protocol, service.Options, service.Counters) { IsToEnd = ChildProcess.IsToldToLeave };
        foreach (Listener listener in service.Listeners)
            _conversation.Prepare(listener.Kind);
        _parentsDescriptors = [service.Stop.Descriptor, children.Descriptor];
    }

    /// <summary>The parent's last step before each fork: notes what has been compiled so far.</summary>
    public void AboutToFork() => _compiled = JitInfo.GetCompiledMethodCount();

    /// <summary>The whole life of a worker. Never returns.</summary>
    [DoesNotReturn]
    public void RunInChild(int seat)
    {
        try
        {
            ChildProcess.Begin(_parent, _parentsDescriptors);
            Work(_listeners, _conversation, _service.Counters, seat, ChildProcess.IsToldToLeave);
            ChildProcess.Leave(0);
        }
        catch (Exception e)
        {
            // The parent counts a lost worker; what happened is said here, without Console.
            write(2, Encoding.UTF8.GetBytes($"multiplex: worker {getpid()}: {e}\n"));
            ChildProcess.Leave(1);
        }
    }

    /// <summary>Does in this process what workers will do.</summary>
    public void Rehearse()
    {
        ChildProcess.Prepare();
        RuntimeHelpers.PrepareMethod(((Action<int>)RunInChild).Method.MethodHandle);
        Rehearsal.Run(_service, Serve);
        RehearseAccepting();
    }

    // A worker's whole loop on listeners that nobody knows, for a client that leaves at once, in a server that is stopping
    // once it has been served.
    private void RehearseAccepting()
    {
        List<Listener> listeners = [];
        Endpoint endpoint;
        do
        {
            endpoint = Endpoint.Parse($"unix:@multiplex-rehearsal-{Guid.NewGuid():N}");
            listeners.Add(Listener.Open(endpoint, backlog: 1));
        }
        while (listeners.Count < Math.Min(2, _service.Listeners.Count));   // one and several are waited for differently

        using ServerCounters scratch = new();
        using SharedListeners shared = new(listeners, scratch);
        close(Connector.Connect(endpoint));
        BlockingConversation conversation = new(_service.Protocol, _service.Options, scratch) { IsToEnd = () => EndRehearsal(shared, scratch) };
        Work(shared, conversation, scratch, seat: 0, isToldToLeave: static () => ChildProcess.IsToldToLeave() && false);
        if (scratch[Counter.Accepted] != 1 || scratch[Counter.Closed] != 1)
            throw new InvalidOperationException($"the rehearsal of accepting failed: {scratch.Summary()}");
    }

    private static bool EndRehearsal(SharedListeners listeners, ServerCounters counters)
    {
        listeners.SetBlocking(false);
        counters.Increment(Counter.Stopping);
        return true;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Work(
        SharedListeners listeners, BlockingConversation conversation, ServerCounters counters, int seat, Func<bool> isToldToLeave)
    {
        bool stopping = false;
        while (true)
        {
            if (!stopping && counters[Counter.Stopping] != 0)
            {
                // Whoever has connected is still served; accepting does not wait any more.
                stopping = true;
                listeners.LastCall();
            }

            if (!stopping && isToldToLeave())
                return;
            if (stopping ? listeners.TryTakeLast(out int descriptor, out PeerAddress peer) : listeners.TryTake(out descriptor, out peer))
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
        Volatile.Write(ref _seats.IsServing(seat), 1);
        if (accepted - counters[Counter.Closed] >= _service.Options.Workers)
            counters.Increment(Counter.AcceptPaused);   // the last free worker: who comes now waits in the kernel's queue
        Serve(conversation, counters, descriptor, peer);
        close(descriptor);
        Volatile.Write(ref _seats.IsServing(seat), 0);
        counters.Increment(Counter.Closed);
    }

    private void Serve(BlockingConversation conversation, ServerCounters counters, int descriptor, PeerAddress peer)
    {
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        conversation.Serve(descriptor, peer);
        counters.Add(Counter.ChildAllocatedBytes, GC.GetAllocatedBytesForCurrentThread() - allocated);
        long compiled = JitInfo.GetCompiledMethodCount();
        counters.Add(Counter.ChildCompiledMethods, compiled - _compiled);
        _compiled = compiled;
    }
}
