using System.Diagnostics.CodeAnalysis;
using Multiplex.Engine;
using Multiplex.Forking;
using Multiplex.Interop;
using Multiplex.Observing;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Models;

/// <summary>
/// A fixed number of processes, made ahead, that all take from the same sockets: each serves one connection, or answers one
/// datagram, at a time. A crash stays in its process, as with one for each connection, and no client waits for a fork(2). The
/// parent only keeps their number.
/// </summary>
public sealed class PreforkModel : IServerModel
{
    /// <inheritdoc/>
    public void Run(Service service) => Run(service, service.Options.Workers, service.Options.Workers, once: false);

    /// <summary>Runs processes that are made ahead.</summary>
    /// <param name="service">What they serve.</param>
    /// <param name="most">Processes at a time.</param>
    /// <param name="ahead">How many of them are to wait for a client, where they serve one each; else all are there at all times.</param>
    /// <param name="once">Whether each serves one connection and leaves: the model fork with spare children.</param>
    internal static void Run(Service service, int most, int ahead, bool once)
    {
        ForkRuntime.Require(service.Protocol);
        ServerCounters counters = service.Counters;
        int unreplaced = 0;   // workers that were lost
        using WorkerSlots slots = new(most) { ServeOnce = once };
        using HeldMemory memory = HeldMemory.OfProcesses(service, most);
        using Children children = new(counters, ended: (pid, lost) =>
        {
            memory.Forget(pid);
            service.Addresses?.Forget(pid);
            unreplaced += lost ? 1 : 0;
            if (slots.Vacate(pid, lost, Environment.TickCount64))
                counters.Increment(Counter.Closed);
            else if (once)
                counters.Add(Counter.SpareChildren, -1);
        });
        using SharedSockets sockets = new(service);
        using Worker worker = new(service, sockets, slots, children, memory, once);

        // Returns how long to wait before the next look: not at all after a fork, for there may be more to do.
        int FillOne()
        {
            const int ForEver = -1;
            if (once && counters[Counter.SpareChildren] >= ahead)
                return ForEver;
            int slot = slots.NextToFill(ahead, Environment.TickCount64, out int wait);
            if (slot >= 0)
                Fork(slot);
            return wait;
        }

        void Fork(int slot)
        {
            if (once)
                counters.Increment(Counter.SpareChildren);   // before it can take a connection
            SyscallResult result = worker.Fork();
            if (result.Value == 0)
                worker.Run(slot);
            long now = Environment.TickCount64;
            if (result.Is(EAGAIN) || result.Is(ENOMEM))
            {
                if (once)
                    counters.Add(Counter.SpareChildren, -1);
                slots.Delay(slot, now);   // the limit on processes is reached, fork(2)
                return;
            }

            int pid = (int)result.OrThrow("fork");
            slots.Fill(slot, pid, now);
            children.Add(pid);
            if (unreplaced > 0)
            {
                unreplaced--;
                ServerEvents.Report(EventLevel.Info, "worker_replaced", $"worker {pid} takes the place of one that was lost");
            }
        }

        Heartbeat heartbeat = new(service);
        for (int i = 0; i < ahead; i++)
            FillOne();
        service.Ready();
        while (service.Stop.Requests() == 0)
        {
            children.AwaitOne(service.Stop.Descriptor, heartbeat.Within(FillOne()));
            heartbeat.Beat();
            children.Reap();
        }

        service.BeginStop();

        // First this: a worker that sees the stop counts on it.
        sockets.SetBlocking(false);
        sockets.TakeNoMoreDatagrams();
        counters.Increment(Counter.Stopping);
        sockets.LastCall();
        bool open = true;
        bool firstLook = true;
        ChildDrain.Run(service, children, slots.CountServing, beforeEachLook: () =>
        {
            if (open && !sockets.IsAnythingPending())
            {
                sockets.Shutdown();
                open = false;
            }
            else if (open)
            {
                if (sockets.IsLate)
                    sockets.CloseListeners();
                if (!firstLook)
                    FillOne();   // the workers that could take them have left already, with a SIGTERM to all, or are busy
            }

            firstLook = false;
            return open;
        });

        // No process is left to hold a connection: what is missing belonged to workers that were killed just as they counted.
        counters.Add(Counter.Closed, Math.Max(0, counters[Counter.Accepted] - counters[Counter.Closed]));
        counters.Add(Counter.SpareChildren, -counters[Counter.SpareChildren]);
    }

    /// <summary>A process that was made ahead: takes a connection or a datagram, serves it to the end, takes the next or leaves.</summary>
    private sealed class Worker(Service service, SharedSockets sockets, WorkerSlots slots, Children children, HeldMemory memory, bool once)
        : ForkedChild(
            service,
            memory,
            closed: () => service.Counters.Add(Counter.Closed, once ? 0 : 1),   // the parent counts the end of a process
            service.Stop.Descriptor,
            children.Descriptor)
    {
        private int _slot;

        protected override string Name => "worker";

        /// <summary>The whole life of a worker.</summary>
        [DoesNotReturn]
        public void Run(int slot)
        {
            _slot = slot;
            Live();
        }

        protected override void Work()
        {
            bool isStopping = false;
            while (true)
            {
                if (!isStopping && Service.Counters[Counter.Stopping] != 0)
                {
                    // What has connected is still served; accepting does not wait any more.
                    isStopping = true;
                    Service.KeepHandedOver();
                    sockets.LastCall();
                }

                if (!isStopping && ChildSignals.HasHadTerm())
                    return;
                if (isStopping ? sockets.TryTakeAny(out Arrival arrival) : sockets.TryTake(out arrival))
                {
                    if (!Serve(arrival) || !once)
                        continue;
                }
                else if (!isStopping)
                {
                    continue;
                }

                Connection.AwaitDelivery();
                return;
            }
        }

        // Returns whether it served a connection.
        private bool Serve(in Arrival arrival)
        {
            long allocated = GC.GetAllocatedBytesForCurrentThread();
            bool isServed = false;
            if (arrival.Endpoint is { } endpoint)
                endpoint.Answer();
            else
                isServed = Serve(arrival.Descriptor, arrival.Peer);
            CountAllocated(allocated);
            return isServed;
        }

        // In this order: killed between two of these steps, a worker leaves a connection that is not counted as closed, which
        // the parent sees in the end; never one that is counted twice.
        private bool Serve(int descriptor, PeerAddress peer)
        {
            ServerCounters counters = Service.Counters;
            if (!counters.TryCountAccepted(Service.Options.MaxConnections, out long open))
            {
                counters.Increment(Counter.Refused);   // before the client can see it
                close(descriptor);
                return false;
            }

            if (once)
                LeaveTheSpares();
            Volatile.Write(ref slots.IsServing(_slot), 1);
            if (open >= slots.Count)
                counters.Increment(Counter.AcceptPaused);   // the last free worker: the next client waits in the kernel's queue
            Connection.Begin(descriptor, peer);
            while (Connection.IsOpen)
            {
                Connection.Receive();
                Connection.Send();
            }

            bool isClosed = Connection.End();
            if (once)
                return true;
            LargeBufferPool.Pool.Trim();
            Volatile.Write(ref slots.IsServing(_slot), 0);
            if (isClosed)
                counters.Increment(Counter.Closed);
            return true;
        }

        // Before the slot says that it is serving: one that is killed between the two is replaced by one too many, not by none.
        private void LeaveTheSpares()
        {
            if (Service.Counters.Add(Counter.SpareChildren, -1) == 0)
                Service.Counters.Increment(Counter.SparesUsedUp);
            kill(Parent, SIGCHLD);   // the signal at which the parent looks after its children
        }
    }
}
