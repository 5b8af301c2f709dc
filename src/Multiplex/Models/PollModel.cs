using Multiplex.Engine;
using Multiplex.Multiplexers;
using Multiplex.Transports;

namespace Multiplex.Models;

/// <summary>
/// One thread waits in poll(2) for all connections at once and serves whichever is ready. Nothing is locked and nothing is switched; a call that
/// takes long holds all others up.
/// </summary>
/// <remarks>
/// <see cref="LoopServer.AcceptPending"/> accepts a connection at the end of a turn and makes it a handler of the loop. When bytes have come, <see cref="EventLoop.Turn"/>
/// returns from poll(2) and calls <see cref="Connection.OnReady"/>: recv(2), <see cref="Session.Received"/>, send(2).
/// </remarks>
public sealed class PollModel : IServerModel
{
    /// <inheritdoc/>
    public void Run(Service service)
    {
        using EventLoop loop = new(SpinningMultiplexer.Of(new PollMultiplexer(), service.Options.Spin));
        using LoopServer server = new(service, loop);
        server.Run();
    }
}
