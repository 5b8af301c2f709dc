using Multiplex.Engine;
using Multiplex.Multiplexers;
using Multiplex.Transports;

namespace Multiplex.Models;

/// <summary>
/// Several epoll loops, one a core, that share nothing: each has its own listeners, between which the kernel spreads the
/// connections (SO_REUSEPORT), its own multiplexer and its own connections. A call that takes long holds up the
/// connections of its loop only.
/// </summary>
public sealed class ReactorsModel : IServerModel
{
    /// <inheritdoc/>
    public void Run(Service service) => SeveralLoops.Run(service, Loops(service.Options), RunOne);

    internal static int Loops(ServerOptions options) => options.Reactors > 0 ? options.Reactors : Environment.ProcessorCount;

    private static void RunOne(Service share)
    {
        using EventLoop loop = new(SpinningMultiplexer.Of(new EpollMultiplexer(), share.Options.Spin));
        using LoopServer server = new(share, loop);
        server.Run();
    }
}
