using Multiplex.Engine;
using Multiplex.Multiplexers;

namespace Multiplex.Models;

/// <summary>
/// A reactor does the I/O, a fixed number of threads runs the procedures. A call that takes long holds up no other connection, and not its
/// own where replies may leave in any order; each call costs two switches between threads.
/// </summary>
public sealed class HybridModel : IServerModel
{
    /// <inheritdoc/>
    public void Run(Service service)
    {
        using CallCrew crew = new(service.Protocol, service.Options, service.Counters);
        using Reactor reactor = new(service, new EpollMultiplexer(), crew);
        reactor.Run();
    }
}
