using System.Net;
using System.Net.Sockets;
using Multiplex.Sockets;
using Endpoint = Multiplex.Sockets.Endpoint;

namespace Multiplex.Benchmarks;

/// <summary>The plainest echo server that System.Net.Sockets makes: one thread, one connection, blocking calls.</summary>
internal sealed class SocketEchoServer : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly Thread _thread;

    /// <summary>Listens on a port of the kernel's choice.</summary>
    public SocketEchoServer()
    {
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen();
        Endpoint = new(EndpointKind.Tcp, "127.0.0.1", ((IPEndPoint)_listener.LocalEndPoint!).Port.ToString(), "");
        _thread = new Thread(ServeOne) { IsBackground = true };
        _thread.Start();
    }

    /// <summary>Where it listens.</summary>
    public Endpoint Endpoint { get; }

    /// <summary>Waits until the one connection has ended; the client closes it first.</summary>
    public void Dispose()
    {
        _thread.Join();
        _listener.Dispose();
    }

    private void ServeOne()
    {
        using Socket connection = _listener.Accept();
        connection.NoDelay = true;
        byte[] buffer = new byte[64 * 1024];
        for (int count = connection.Receive(buffer); count > 0; count = connection.Receive(buffer))
        {
            for (int sent = 0; sent < count;)
                sent += connection.Send(buffer, sent, count - sent, SocketFlags.None);
        }
    }
}
