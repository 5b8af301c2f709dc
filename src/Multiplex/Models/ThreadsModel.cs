using Multiplex.Sockets;
using Multiplex.Transports;

namespace Multiplex.Models;

/// <summary>
/// A thread for each connection, as many as there are connections up to a limit: past it, the kernel's queue holds them.
/// Nobody waits for a worker as in a pool, but each connection costs the making of a thread.
/// </summary>
public sealed class ThreadsModel : IServerModel
{
    /// <inheritdoc/>
    public void Run(Service service)
    {
        // Not disposed: a thread whose procedure outlasts the time to drain may still say that it has ended.
        ConnectionThreads threads = new(service);
        using AcceptLoop accepting = new(service, threads.HasRoom, other: threads.Descriptor);
        Func<int, PeerAddress, bool> start = threads.TryStart;
        service.Ready();
        while (!accepting.IsStopping)
        {
            if (accepting.Wait())
                threads.TakeNotice();
            accepting.Accept(start);
        }

        service.Stopping();
        service.Counters.Increment(Counter.Stopping);
        accepting.AcceptTheLast(start);
        if (ThreadDrain.Run(service, threads.HaveEnded, threads.Conversations))
            threads.Dispose();
    }
}
