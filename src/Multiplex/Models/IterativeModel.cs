using Multiplex.Sockets;
using Multiplex.Transports;
using static Multiplex.Interop.Libc;

namespace Multiplex.Models;

/// <summary>
/// One client at a time: one thread accepts, serves to the end, and accepts the next. Who comes meanwhile waits in the
/// kernel's queue. The simplest server there is, and nothing is shared; a client that says nothing holds up all others.
/// </summary>
/// <remarks>The thread that called only waits for the stop, since a thread that waits in recv(2) does not see it.</remarks>
public sealed class IterativeModel : IServerModel
{
    /// <inheritdoc/>
    public void Run(Service service)
    {
        StopSignal.Requestable stop = StopSignal.ByRequest();
        Server server = new(service with { Stop = stop });
        Thread thread = new(server.Serve) { IsBackground = true, Name = "server" };
        service.Ready();
        thread.Start();
        AwaitStop(service.Stop);
        service.Stopping();
        service.Counters.Increment(Counter.Stopping);
        stop.Request();

        if (ThreadDrain.Run(service, thread.Join, [server.Conversation], cutting: server.CutOff))
        {
            stop.Dispose();   // else the thread may still look at it
            return;
        }

        // The thread is in a procedure that does not end, and does not get so far as to do this.
        foreach (Listener listener in service.Listeners)
            listener.Dispose();
    }

    private static void AwaitStop(StopSignal stop)
    {
        Span<pollfd> set = [new() { fd = stop.Descriptor, events = POLLIN }];
        while (stop.Requests() == 0)
            poll(set, -1);
    }

    /// <summary>What the one thread does.</summary>
    private sealed class Server(Service service)
    {
        private readonly Queue<(int Descriptor, PeerAddress Peer)> _taken = new();
        private volatile bool _cutOff;

        public WatchedConversation Conversation { get; } = new(service);

        /// <summary>The time to drain is over: whoever has not had a turn will have none.</summary>
        public void CutOff() => _cutOff = true;

        public void Serve()
        {
            using AcceptLoop accepting = new(service, hasRoom: () => _taken.Count < service.Options.QueueLength) { AcceptsAtOnce = 1 };
            Func<int, PeerAddress, bool> take = Take;
            while (!accepting.IsStopping)
            {
                accepting.Wait();
                accepting.Accept(take);
                ServeTaken();
            }

            // Whoever had connected is taken in before anybody is served, so that the listeners can be closed.
            accepting.AcceptTheLast(take);
            ServeTaken();
            Conversation.AwaitDelivery();
        }

        private bool Take(int descriptor, PeerAddress peer)
        {
            _taken.Enqueue((descriptor, peer));
            return true;
        }

        private void ServeTaken()
        {
            while (_taken.TryDequeue(out (int Descriptor, PeerAddress Peer) next))
            {
                if (_cutOff)
                    Drop(next.Descriptor);
                else
                    Conversation.Serve(next.Descriptor, next.Peer);
            }
        }

        private void Drop(int descriptor)
        {
            close(descriptor);
            service.Counters.Increment(Counter.CutOff);
            service.Counters.Increment(Counter.Closed);
        }
    }
}
