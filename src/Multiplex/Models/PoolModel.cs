using System.Collections.Concurrent;
using Multiplex.Engine;
using Multiplex.Sockets;
using Multiplex.Transports;

namespace Multiplex.Models;

/// <summary>
/// A fixed number of threads, each of which serves one connection to its end and then takes the next from a bounded
/// queue. A call that takes long holds up its own connection only; a connection that says nothing holds a thread.
/// </summary>
public sealed class PoolModel : IServerModel
{
    /// <inheritdoc/>
    public void Run(Service service)
    {
        // Not disposed, as the memory: a worker whose procedure outlasts the time to drain may still look into them.
        BlockingCollection<(int, PeerAddress)> queue = new(service.Options.QueueLength);
        using AcceptLoop accepting = new(service, hasRoom: () => queue.Count < queue.BoundedCapacity);
        PoolWorker[] workers = new PoolWorker[service.Options.Workers];
        HeldMemory memory = new(service.Options, service.Counters, workers.Length, evict: worker => workers[worker - 1].Conversation.Evict());
        for (int i = 0; i < workers.Length; i++)
        {
            int number = i + 1;
            workers[i] = new(service, queue, new(memory, () => number));
        }

        foreach (PoolWorker worker in workers)
            worker.Start();
        service.Ready();

        bool Enqueue(int descriptor, PeerAddress peer)
        {
            queue.Add((descriptor, peer));
            return true;
        }

        while (!accepting.IsStopping)
        {
            accepting.Wait(withoutRoomMilliseconds: 10);
            accepting.Accept(Enqueue);
        }

        service.Stopping();
        service.Counters.Increment(Counter.Stopping);
        accepting.AcceptTheLast(Enqueue);
        queue.CompleteAdding();
        ThreadDrain.Run(
            service,
            haveEnded: within => workers.All(worker => worker.HasFinished(within)),
            [.. workers.Select(worker => worker.Conversation)]);
    }
}
