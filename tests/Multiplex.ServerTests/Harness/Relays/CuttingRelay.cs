using System.Net.Sockets;
using Multiplex.Sockets;

namespace Multiplex.ServerTests.Harness.Relays;

/// <summary>
/// Relays connections between a client and servers, the next one in turn that accepts it, at an address of the same kind, and cuts each after a random number of bytes: on a stream
/// anywhere in a call or a reply, with a reset to either side or an orderly end; where message boundaries are kept, between two messages. The same seed gives the same cuts.
/// </summary>
internal sealed class CuttingRelay : IDisposable
{
    private readonly Socket _listener;
    private readonly IReadOnlyList<ServerAddress> _servers;
    private readonly Random _random;
    private readonly int _most;
    private int _cuts, _next;

    /// <param name="server">The server.</param>
    /// <param name="seed">The seed of the numbers of bytes.</param>
    /// <param name="most">The largest of them.</param>
    public CuttingRelay(ServerAddress server, int seed, int most)
        : this([server], seed, most)
    {
    }

    /// <param name="servers">The servers, all of one kind.</param>
    /// <param name="seed">The seed of the numbers of bytes.</param>
    /// <param name="most">The largest of them.</param>
    public CuttingRelay(IReadOnlyList<ServerAddress> servers, int seed, int most)
    {
        (_servers, _random, _most) = (servers, new(seed), most);
        ServerAddress server = servers[0];
        ServerAddress own = new(Endpoint.Parse(server.IsInternet ? "tcp://127.0.0.1:0" : $"{server.Kind.Prefix()}@multiplex-relay-{Guid.NewGuid():N}"));
        _listener = own.NewSocket();
        _listener.Bind(own.EndPoint);
        _listener.Listen(64);
        Endpoint = Endpoint.Parse(server.IsInternet ? $"tcp://{_listener.LocalEndPoint}" : own.Text);
        Start(Accept);
    }

    /// <summary>The relay's endpoint, which the client connects to.</summary>
    public Endpoint Endpoint { get; }

    /// <summary>How many connections have been cut.</summary>
    public int Cuts => Volatile.Read(ref _cuts);

    public void Dispose() => _listener.Dispose();

    private void Accept()
    {
        while (true)
        {
            Socket client = _listener.Accept();
            if (Connect() is not { } server)
            {
                client.Close();   // none of them accepts connections
                continue;
            }

            if (_servers[0].IsInternet)
                client.NoDelay = true;
            Fuse fuse = new(client, server, _random.Next(1, _most), _random.Next(3), _servers[0].IsStream, () => Interlocked.Increment(ref _cuts));
            Start(() => fuse.Pass(client, server));
            Start(() => fuse.Pass(server, client));
        }
    }

    private Socket? Connect()
    {
        for (int i = 0; i < _servers.Count; i++)
        {
            ServerAddress server = _servers[_next++ % _servers.Count];
            Socket socket = server.NewSocket();
            try
            {
                socket.Connect(server.EndPoint);
                return socket;
            }
            catch (SocketException) when (_servers.Count > 1)
            {
                socket.Dispose();
            }
        }

        return null;
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
    private sealed class Fuse(Socket client, Socket server, int length, int manner, bool cutsMessages, Action cut)
    {
        private readonly Lock _gate = new();
        private int _left = length;

        public void Pass(Socket from, Socket to)
        {
            try
            {
                Copy(from, to);
            }
            finally
            {
                Close(client, reset: false);   // also when the server was killed
                Close(server, reset: false);
            }
        }

        private void Copy(Socket from, Socket to)
        {
            byte[] buffer = new byte[16 * 1024];   // longer than any message of the tests
            int received;
            while ((received = from.Receive(buffer)) > 0)
            {
                int passed;
                lock (_gate)
                {
                    passed = received <= _left || cutsMessages ? Math.Min(received, _left) : 0;
                    _left = passed < received ? 0 : _left - passed;
                }

                for (int sent = 0; sent < passed;)
                    sent += to.Send(buffer, sent, passed - sent, SocketFlags.None);
                if (passed < received)
                {
                    Blow();
                    return;
                }
            }
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
