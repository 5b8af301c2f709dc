using System.Diagnostics.CodeAnalysis;
using Multiplex.Engine;
using Multiplex.Forking;
using Multiplex.Interop;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Models;

/// <summary>
/// A fixed number of processes, made ahead, that all take from the same sockets: each serves one connection, or answers one
/// datagram, at a time. A crash stays in its process, as with one for each connection, and no client waits for a fork(2). The
/// parent only sees to it that there are as many as there should be.
/// </summary>
public sealed class PreforkModel : IServerModel
{
    /// <inheritdoc/>
    public void Run(Service service)
    {
        ForkRuntime.Require();
        using WorkerSlots slots = new(service.Options.Workers);
        using HeldMemory memory = HeldMemory.OfProcesses(service, service.Options.Workers);
        using Children children = new(service.Counters, ended: (pid, lost) =>
        {
            memory.Forget(pid);
            if (slots.Vacate(pid, lost, Environment.TickCount64))
                service.Counters.Increment(Counter.Closed);
        });
        using SharedSockets sockets = new(service.Listeners, service.Datagrams, service.Protocol, service.Counters);
        using Worker worker = new(service, sockets, slots, children, memory);

        // Returns how long to wait before the next look: not at all after a fork, for there may be more to do.
        int FillOne()
        {
            int slot = slots.NextToFill(Environment.TickCount64, out int wait);
            if (slot >= 0)
                Fork(worker, slots, children, slot);
            return wait;
        }

        for (int i = 0; i < service.Options.Workers; i++)
            FillOne();
        service.Ready();
        while (service.Stop.Requests() == 0)
        {
            children.AwaitOne(service.Stop.Descriptor, FillOne());
            children.Reap();
        }

        service.Stopping();

        // First this: a worker that sees the stop counts on it.
        sockets.SetBlocking(false);
        sockets.TakeNoMoreDatagrams();
        service.Counters.Increment(Counter.Stopping);
        sockets.LastCall();
        bool open = true;
        bool firstLook = true;
        ChildDrain.Run(service, children, slots.CountServing, beforeEachLook: () =>
        {
            if (open && !sockets.SomebodyWaits())
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

        // Nobody is left to hold a connection: what is missing belonged to workers that were killed just as they counted.
        service.Counters.Add(Counter.Closed, Math.Max(0, service.Counters[Counter.Accepted] - service.Counters[Counter.Closed]));
    }

    private static void Fork(Worker worker, WorkerSlots slots, Children children, int slot)
    {
        worker.AboutToFork();
        SyscallResult result = fork();
        if (result.Value == 0)
            worker.Run(slot);
        long now = Environment.TickCount64;
        if (result.Is(EAGAIN) || result.Is(ENOMEM))
        {
            slots.Delay(slot, now);   // the limit on processes is reached, fork(2)
            return;
        }

        int pid = (int)result.OrThrow("fork");
        slots.Fill(slot, pid, now);
        children.Add(pid);
    }

    /// <summary>A process that was made ahead: takes a connection or a datagram, serves it to the end, takes the next.</summary>
    private sealed class Worker(Service service, SharedSockets sockets, WorkerSlots slots, Children children, HeldMemory memory)
        : ForkedChild(service, memory, closed: () => service.Counters.Increment(Counter.Closed), service.Stop.Descriptor, children.Descriptor)
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
                    sockets.LastCall();
                }

                if (!isStopping && ChildProcess.IsToldToLeave())
                    return;
                if (isStopping ? sockets.TryTakeLast(out Arrival arrival) : sockets.TryTake(out arrival))
                {
                    Serve(arrival);
                }
                else if (isStopping)
                {
                    Connection.AwaitDelivery();
                    return;
                }
            }
        }

        private void Serve(in Arrival arrival)
        {
            long allocated = GC.GetAllocatedBytesForCurrentThread();
            if (arrival.Port is { } port)
                port.Answer();
            else
                Serve(arrival.Descriptor, arrival.Peer);
            CountAllocated(allocated);
        }

        // In this order: killed between two of these steps, a worker leaves a connection that nobody counts as closed, which
        // the parent sees in the end; never one that is counted twice.
        private void Serve(int descriptor, PeerAddress peer)
        {
            ServerCounters counters = Service.Counters;
            if (!counters.TryCountAccepted(Service.Options.MaxConnections, out long open))
            {
                counters.Increment(Counter.Refused);   // before the client can see it
                close(descriptor);
                return;
            }

            Volatile.Write(ref slots.IsServing(_slot), 1);
            if (open >= Service.Options.Workers)
                counters.Increment(Counter.AcceptPaused);   // the last free worker: the next client waits in the kernel's queue
            Connection.Begin(descriptor, peer);
            while (Connection.IsOpen)
            {
                Connection.Receive();
                Connection.Send();
            }

            bool isClosed = Connection.End();
            LargeBufferPool.Pool.Trim();
            Volatile.Write(ref slots.IsServing(_slot), 0);
            if (isClosed)
                counters.Increment(Counter.Closed);
        }
    }
}
