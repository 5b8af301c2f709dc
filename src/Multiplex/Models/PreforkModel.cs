using Multiplex.Engine;
using Multiplex.Forking;
using Multiplex.Interop;
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
        using WorkerSeats seats = new(service.Options.Workers);
        using HeldMemory memory = HeldMemory.OfProcesses(service, service.Options.Workers);
        using Children children = new(service.Counters, ended: (pid, lost) =>
        {
            memory.Forget(pid);
            if (seats.Vacate(pid, lost, Environment.TickCount64))
                service.Counters.Increment(Counter.Closed);
        });
        using SharedSockets sockets = new(service.Listeners, service.Datagrams, service.Protocol, service.Counters);
        using PreforkWorker worker = new(service, sockets, seats, children, memory);

        // Returns how long to wait before the next look: not at all after a fork, for there may be more to do.
        int FillOne()
        {
            int seat = seats.NextToFill(Environment.TickCount64, out int wait);
            if (seat >= 0)
                Fork(worker, seats, children, seat);
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
        ChildDrain.Run(service, children, seats.CountServing, beforeEachLook: () =>
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

    private static void Fork(PreforkWorker worker, WorkerSeats seats, Children children, int seat)
    {
        worker.AboutToFork();
        SyscallResult result = fork();
        if (result.Value == 0)
            worker.RunInChild(seat);
        long now = Environment.TickCount64;
        if (result.Is(EAGAIN) || result.Is(ENOMEM))
        {
            seats.Delay(seat, now);   // the limit on processes is reached, fork(2)
            return;
        }

        int pid = (int)result.OrThrow("fork");
        seats.Fill(seat, pid, now);
        children.Add(pid);
    }
}
