using System.Net;
using System.Net.Sockets;

namespace Multiplex.Benchmarks.Servers;

/// <summary>
/// The simplest echo server with System.Net.Sockets: one connection after another, blocking calls. It is a separate process, like the
/// servers that it is compared with: a round trip between two threads of one process costs less.
/// </summary>
internal static class SocketEchoServer
{
    /// <summary>The argument that makes the benchmarks' executable this server.</summary>
    public const string Argument = "socket-echo-server";

    /// <summary>Writes where it listens, as <c>multiplex serve</c> does, and serves until it is killed.</summary>
    public static void Run()
    {
        using Socket listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        Console.WriteLine($"listening tcp://{listener.LocalEndPoint}");
        byte[] buffer = new byte[64 * 1024];
        while (true)
        {
            using Socket connection = listener.Accept();
            connection.NoDelay = true;
            try
            {
                Serve(connection, buffer);
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
            {
                // The client closes the connection with a reset, so that no port stays in TIME_WAIT.
            }
        }
    }

    private static void Serve(Socket connection, byte[] buffer)
    {
        for (int count = connection.Receive(buffer); count > 0; count = connection.Receive(buffer))
        {
            for (int sent = 0; sent < count;)
                sent += connection.Send(buffer, sent, count - sent, SocketFlags.None);
        }
    }
}
