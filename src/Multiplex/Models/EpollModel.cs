using Multiplex.Engine;
using Multiplex.Multiplexers;
using Multiplex.Transports;

namespace Multiplex.Models;

/// <summary>As <see cref="PollModel"/>, but the kernel keeps the set, epoll(7): silent connections cost nothing.</summary>
public sealed class EpollModel : IServerModel
{
    /// <inheritdoc/>
    public void Run(Service service)
    {
        using EventLoop loop = new(SpinningMultiplexer.Of(new EpollMultiplexer(), service.Options.Spin));
        using LoopServer server = new(service, loop);
        server.Run();
    }
}
