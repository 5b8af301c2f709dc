using Multiplex.Engine;
using Multiplex.Sockets;
using Multiplex.Transports;
using static Multiplex.Interop.Libc;

namespace Multiplex.Models;

/// <summary>
/// One client at a time: one thread accepts, serves to the end, and accepts the next; or it receives a datagram, answers it, and receives the
/// next, as the classic UDP server does. Further clients wait in the kernel's queue. Nothing is simpler, and nothing is shared; a client
/// with a silent connection delays all others.
/// </summary>
/// <remarks>The thread that called only waits for the stop, since a thread that waits in recv(2) does not see it.</remarks>
public sealed class IterativeModel : IServerModel
{
    /// <inheritdoc/>
    public void Run(Service service)
    {
        StopSource stop = StopSignal.ByRequest();
        Server server = new(service with { Stop = stop, Ready = static () => { }, Stopping = static () => { }, AliveInterval = default });
        Thread thread = new(server.Serve) { IsBackground = true, Name = "server" };
        try
        {
            service.Ready();
            WorkerThread.Start(thread, 1, 1);
        }
        catch
        {
            service.CloseSockets();
            stop.Dispose();
            throw;
        }

        AwaitStop(service);
        service.BeginStop();
        service.Counters.Increment(Counter.Stopping);
        stop.Request();
        if (ThreadDrain.Run(service, thread.Join, [server.Connection], cutting: server.CutOff))
        {
            stop.Dispose();   // else the thread may still look at it
            return;
        }

        // The thread is in a procedure that does not end, and does not get so far as to do this.
        service.CloseSockets();
    }

    private static void AwaitStop(Service service)
    {
        Heartbeat heartbeat = new(service);
        Span<pollfd> set = [new() { fd = service.Stop.Descriptor, events = POLLIN }];
        while (service.Stop.Requests() == 0)
        {
            poll(set, heartbeat.Within(-1));
            heartbeat.Beat();
        }
    }

    /// <summary>What the one thread does.</summary>
    private sealed class Server(Service service)
    {
        private readonly Queue<(int Descriptor, PeerAddress Peer)> _accepted = new();
        private volatile bool _isCutOff;
        private volatile AcceptLoop? _accepting;

        public BlockingConnection Connection { get; } = new(service, () => service.Counters.Increment(Counter.Closed));

        /// <summary>The time to drain is over: clients that still wait are not served.</summary>
        public void CutOff()
        {
            _isCutOff = true;
            _accepting?.CancelLate();
        }

        public void Serve()
        {
            using AcceptLoop accepting = new(service, hasRoom: () => _accepted.Count < service.Options.QueueLength)
            {
                AcceptsAtOnce = 1,
                AfterAccepts = ServeAccepted,
            };
            _accepting = accepting;
            accepting.Run(admit: Take);
            ServeAccepted();
            while (!_isCutOff && accepting.ServeDatagrams())
            {
            }

            Connection.AwaitDelivery();
        }

        // While the server runs, there is one; when it stops, all that were pending, so that the listeners can be closed before any is served.
        private bool Take(int descriptor, PeerAddress peer)
        {
            _accepted.Enqueue((descriptor, peer));
            return true;
        }

        private void ServeAccepted()
        {
            while (_accepted.TryDequeue(out (int Descriptor, PeerAddress Peer) next))
            {
                if (_isCutOff)
                    Drop(next.Descriptor);
                else
                    Serve(next.Descriptor, next.Peer);
            }
        }

        private void Serve(int descriptor, PeerAddress peer)
        {
            Connection.Begin(descriptor, peer);
            while (Connection.IsOpen)
            {
                Connection.Receive();
                Connection.Send();
            }

            if (Connection.End())
                service.Counters.Increment(Counter.Closed);
        }

        private void Drop(int descriptor)
        {
            close(descriptor);
            service.Counters.Increment(Counter.CutOff);
            service.Counters.Increment(Counter.Closed);
        }
    }
}
