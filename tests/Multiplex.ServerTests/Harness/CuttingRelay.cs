using System.Net;
using System.Net.Sockets;
using Multiplex.Sockets;

namespace Multiplex.ServerTests.Harness;

/// <summary>
/// Stands between a client and a server of streams, and cuts each connection after a random number of bytes, wherever in a call or a
/// reply that is: with a reset to either side or an orderly end. The same again for a seed.
/// </summary>
internal sealed class CuttingRelay : IDisposable
{
    private readonly Socket _listener;
    private readonly ServerAddress _server;
    private readonly Random _random;
    private readonly int _most;
    private int _cuts;

    /// <param name="server">The server.</param>
    /// <param name="seed">Of the numbers of bytes.</param>
    /// <param name="most">The largest of them.</param>
    public CuttingRelay(ServerAddress server, int seed, int most)
    {
        (_server, _random, _most) = (server, new(seed), most);
        _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen(64);
        Endpoint = Endpoint.Parse($"tcp://{_listener.LocalEndPoint}");
        Start(Accept);
    }

    /// <summary>Where the client finds the server.</summary>
    public Endpoint Endpoint { get; }

    /// <summary>How many connections have been cut.</summary>
    public int Cuts => Volatile.Read(ref _cuts);

    public void Dispose() => _listener.Dispose();

    private void Accept()
    {
        while (true)
        {
            Socket client = _listener.Accept(), server = _server.NewSocket();
            client.NoDelay = true;
            server.Connect(_server.EndPoint);
            Fuse fuse = new(client, server, _random.Next(1, _most), _random.Next(3), () => Interlocked.Increment(ref _cuts));
            Start(() => fuse.Pass(client, server));
            Start(() => fuse.Pass(server, client));
        }
    }

    private static void Start(Action work) => new Thread(() =>
    {
        try
        {
            work();
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // cut, or the test is over
        }
    })
    {
        IsBackground = true,
    }.Start();

    /// <summary>The two sockets of a connection, and how many bytes may still pass, of both directions together.</summary>
    private sealed class Fuse(Socket client, Socket server, int length, int manner, Action cut)
    {
        private readonly Lock _gate = new();
        private int _left = length;

        public void Pass(Socket from, Socket to)
        {
            byte[] buffer = new byte[16 * 1024];
            int received;
            while ((received = from.Receive(buffer)) > 0)
            {
                int passed;
                lock (_gate)
                {
                    passed = Math.Min(received, _left);
                    _left -= passed;
                }

                for (int sent = 0; sent < passed;)
                    sent += to.Send(buffer, sent, passed - sent, SocketFlags.None);
                if (passed < received)
                {
                    Blow();
                    return;
                }
            }

            Close(client, reset: false);
            Close(server, reset: false);
        }

        private void Blow()
        {
            cut();
            Close(client, reset: manner == 0);
            Close(server, reset: manner == 1);
        }

        private static void Close(Socket socket, bool reset)
        {
            if (reset)
                socket.LingerState = new(enable: true, seconds: 0);
            socket.Close();
        }
    }
}
