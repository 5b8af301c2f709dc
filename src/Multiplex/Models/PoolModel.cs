using System.Collections.Concurrent;
using Multiplex.Engine;
using Multiplex.Sockets;
using Multiplex.Transports;

namespace Multiplex.Models;

/// <summary>
/// A fixed number of threads, each of which serves one connection to its end and then takes the next from a bounded
/// queue. A call that takes long delays only its own connection; a silent connection holds a thread.
/// </summary>
public sealed class PoolModel : IServerModel
{
    /// <inheritdoc/>
    public void Run(Service service)
    {
        // Not disposed, as the memory: a worker whose procedure outlasts the time to drain may still look into them.
        BlockingCollection<(int, PeerAddress)> queue = new(service.Options.QueueLength);
        BlockingConnection[] connections = new BlockingConnection[service.Options.Workers];   // by worker
        HeldMemory memory = new(service.Options, service.Counters, connections.Length, evict: worker => connections[worker - 1].Evict());
        Thread[] workers = new Thread[connections.Length];
        for (int i = 0; i < workers.Length; i++)
        {
            int number = i + 1;
            BlockingConnection connection = new(service, () => service.Counters.Increment(Counter.Closed), new(memory, () => number));
            connections[i] = connection;
            workers[i] = WorkerThread.Create("worker", () => Work(queue, connection, service.Counters));
        }

        try
        {
            for (int i = 0; i < workers.Length; i++)
                WorkerThread.Start(workers[i], i + 1, workers.Length);
        }
        catch
        {
            queue.CompleteAdding();   // ends those that were started
            service.CloseSockets();
            throw;
        }

        using AcceptLoop accepting = new(service, hasRoom: () => queue.Count < queue.BoundedCapacity)
        {
            LookForRoomMilliseconds = 10,
            HasConnections = () => service.Counters[Counter.Accepted] != service.Counters[Counter.Closed],   // no child counts here
        };
        accepting.Run(admit: (descriptor, peer) => queue.TryAdd((descriptor, peer), Timeout.Infinite));
        queue.CompleteAdding();
        ThreadDrain.Run(service, haveEnded: within => workers.All(worker => worker.Join(within)), connections);
    }

    // The whole life of a worker: one connection after the other.
    private static void Work(BlockingCollection<(int Descriptor, PeerAddress Peer)> queue, BlockingConnection connection, ServerCounters counters)
    {
        foreach ((int descriptor, PeerAddress peer) in queue.GetConsumingEnumerable())
        {
            connection.Begin(descriptor, peer);
            while (connection.IsOpen)
            {
                connection.Receive();
                connection.Send();
            }

            if (connection.End())
                counters.Increment(Counter.Closed);
        }

        connection.AwaitDelivery();
    }
}
