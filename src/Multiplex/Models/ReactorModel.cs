using Multiplex.Engine;

namespace Multiplex.Models;

/// <summary>
/// One thread that multiplexes: it waits for all connections at once and serves whichever is ready. Nothing is locked
/// and nothing is switched; a call that takes long holds all others up.
/// </summary>
/// <param name="multiplexer">Makes the means of waiting.</param>
public sealed class ReactorModel(Func<IMultiplexer> multiplexer) : IServerModel
{
    /// <inheritdoc/>
    public void Run(Service service)
    {
        using Reactor reactor = new(service, multiplexer());
        reactor.Run();
    }
}
