using Multiplex.Models;
using Multiplex.Sockets;

namespace Multiplex.ServerTests.Harness;

/// <summary>A server in this process, for protocols that the command does not have: over TCP, on a thread of its own.</summary>
internal sealed class ServedHere : IDisposable
{
    private readonly Listener _listener = Listener.Open(Endpoint.Parse("tcp://127.0.0.1:0"), backlog: 16);
    private readonly StopSource _stop = StopSignal.ByRequest();
    private readonly ServerCounters _counters = new();
    private readonly Thread _thread;

    public ServedHere(Func<ServerCounters, IProtocol> protocol)
    {
        Service service = new([_listener], protocol(_counters), new(), _counters, _stop);
        _thread = new(() => ServerModelCatalog.Find("epoll")!.Create().Run(service)) { IsBackground = true };
        _thread.Start();
    }

    public string Address => _listener.Local.ToString();

    public void Dispose()
    {
        _stop.Request();
        _thread.Join();
        _stop.Dispose();
        _counters.Dispose();
    }
}
