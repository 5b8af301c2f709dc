using Multiplex.Models;
using Multiplex.Sockets;
using Multiplex.Sockets.Datagrams;
using Multiplex.Tour.Tracing;

namespace Multiplex.Tour;

/// <summary>A server for a lesson: the epoll model on a thread of this process, at ports that the kernel chooses. Its own calls are not recorded.</summary>
internal sealed class LessonServer : IDisposable
{
    private readonly StopSource _stop = StopSignal.ByRequest();
    private readonly BoundSocket[] _sockets;
    private readonly IProtocol _protocol;
    private readonly TracedThread _thread;

    /// <summary>Starts it. It accepts connections when this returns: the kernel queues them from listen(2) on.</summary>
    /// <param name="protocol">Makes the protocol, which counts in the server's counters.</param>
    /// <param name="endpoints">Where it listens.</param>
    public LessonServer(Func<ServerCounters, IProtocol> protocol, params string[] endpoints)
    {
        _sockets = [.. endpoints.Select(text => Open(Endpoint.Parse(text)))];
        _protocol = protocol(Counters);
        Service service = new([.. _sockets.OfType<Listener>()], _protocol, new(), Counters, _stop) { Datagrams = [.. _sockets.OfType<DatagramSocket>()] };
        _thread = new(() => ServerModelCatalog.Find("epoll")!.Create().Run(service));
    }

    public ServerCounters Counters { get; } = new();

    /// <summary>Where it listens: the first of its endpoints.</summary>
    public Endpoint Local => _sockets[0].Local;

    /// <summary>All of its endpoints.</summary>
    public IReadOnlyList<Endpoint> All => [.. _sockets.Select(socket => socket.Local)];

    public void Dispose()
    {
        _stop.Request();
        _stop.Request();   // the second request: the server does not wait for open connections
        _thread.Join();
        _stop.Dispose();
        (_protocol as IDisposable)?.Dispose();
        Counters.Dispose();
    }

    private static BoundSocket Open(Endpoint endpoint) => endpoint.Kind.IsDatagram() ? DatagramSocket.Open(endpoint) : Listener.Open(endpoint, backlog: 16);
}
