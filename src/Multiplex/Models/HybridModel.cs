using Multiplex.Engine;
using Multiplex.Engine.Calls;
using Multiplex.Multiplexers;
using Multiplex.Transports;

namespace Multiplex.Models;

/// <summary>
/// An epoll loop does the I/O, a fixed number of threads runs the procedures: a request leaves the loop, and its reply is posted back. A call that
/// takes long holds up no other connection, and not its own where replies may leave in any order; each call costs two switches between threads.
/// </summary>
public sealed class HybridModel : IServerModel
{
    /// <inheritdoc/>
    public void Run(Service service)
    {
        using EventLoop loop = new(SpinningMultiplexer.Of(new EpollMultiplexer(), service.Options.Spin));
        using WorkerPool workers = new(loop, service.Protocol, service.Options, service.Counters);
        using LoopServer server = new(service, loop, workers);
        workers.Start();
        server.Run();
    }
}
