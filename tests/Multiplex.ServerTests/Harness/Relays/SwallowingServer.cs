using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.ServerTests.Harness.Relays;

/// <summary>
/// A TCP address where a connection request gets no answer, as behind a firewall that drops packets: the queue of connections is full, and Linux drops
/// the SYN then.
/// </summary>
internal sealed class SwallowingServer : IDisposable
{
    private readonly Listener _listener;
    private readonly int _client;

    public SwallowingServer(Endpoint endpoint)
    {
        _listener = Listener.Open(endpoint, backlog: 0);
        _client = Connector.Connect(_listener.Local);
    }

    public Endpoint Endpoint => _listener.Local;

    public void Dispose()
    {
        close(_client);
        _listener.Dispose();
    }
}
