using Multiplex.Engine;
using Multiplex.Multiplexers;
using Multiplex.Transports;

namespace Multiplex.Models;

/// <summary>As <see cref="PollModel"/>, but the thread waits in select(2), which can watch no descriptor from 1024 up: such a client is refused.</summary>
public sealed class SelectModel : IServerModel
{
    /// <inheritdoc/>
    public void Run(Service service)
    {
        using EventLoop loop = new(SpinningMultiplexer.Of(new SelectMultiplexer(), service.Options.Spin));
        using LoopServer server = new(service, loop);
        server.Run();
    }
}
