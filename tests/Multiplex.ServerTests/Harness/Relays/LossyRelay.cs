using System.Net;
using System.Net.Sockets;
using Multiplex.Sockets;

namespace Multiplex.ServerTests.Harness.Relays;

/// <summary>
/// Relays datagrams between a UDP client and server as a bad network does: it loses one in five, each way,
/// repeats one in ten, and reorders one in ten with the next. Which ones is random, and the same for the same seed.
/// </summary>
internal sealed class LossyRelay : IDisposable
{
    private readonly Socket _front = NewSocket();   // the client's server
    private readonly Socket _back = NewSocket();    // the server's client
    private volatile EndPoint? _client;
    private int _lost, _repeated, _overtaken;

    public LossyRelay(ServerAddress server, int seed)
    {
        _back.Connect(server.EndPoint);
        Endpoint = Endpoint.Parse($"udp://{_front.LocalEndPoint}");
        Start(seed, PassToServer);
        Start(seed + 1, PassToClient);
    }

    /// <summary>The relay's endpoint, which the client calls.</summary>
    public Endpoint Endpoint { get; }

    /// <summary>How many datagrams were lost, repeated and reordered.</summary>
    public (int Lost, int Repeated, int Overtaken) Mischief => (_lost, _repeated, _overtaken);

    public void Dispose()
    {
        _front.Dispose();
        _back.Dispose();
    }

    private static Socket NewSocket()
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp)
        {
            ReceiveBufferSize = 4 << 20,
            SendBufferSize = 4 << 20,
        };
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return socket;
    }

    private static void Start(int seed, Action<Random> pass) => new Thread(() =>
    {
        try
        {
            pass(new(seed));
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // the test is over
        }
    })
    {
        IsBackground = true,
    }.Start();

    private void PassToServer(Random random) => Pass(
        random,
        buffer =>
        {
            EndPoint client = new IPEndPoint(IPAddress.Any, 0);
            int length = _front.ReceiveFrom(buffer, ref client);
            _client = client;
            return length;
        },
        datagram => _back.Send(datagram));

    private void PassToClient(Random random) => Pass(
        random, buffer => _back.Receive(buffer), datagram => _front.SendTo(datagram, _client!));

    private void Pass(Random random, Func<byte[], int> receive, Action<byte[]> send)
    {
        byte[] buffer = new byte[64 * 1024];
        byte[]? held = null;
        while (true)
        {
            byte[] datagram = buffer[..receive(buffer)];
            switch (random.Next(100))
            {
                case < 20:
                    Interlocked.Increment(ref _lost);
                    continue;
                case < 30:
                    Interlocked.Increment(ref _repeated);
                    send(datagram);
                    break;
                case < 40 when held is null:
                    Interlocked.Increment(ref _overtaken);
                    held = datagram;
                    continue;
            }

            send(datagram);
            if (held is not null)
                send(held);
            held = null;
        }
    }
}
