using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Multiplex.Protocols;
using Multiplex.Sockets;

namespace Multiplex.Tests.Support;

/// <summary>What happens to a reply.</summary>
public enum Fate
{
    Answer,
    Drop,
    Twice,

    /// <summary>It is sent just before the reply to the next request.</summary>
    Hold,

    /// <summary>Its last byte is wrong.</summary>
    Corrupt,
    Shorten,
    Lengthen,

    /// <summary>It has the xid of a call that was never made.</summary>
    Misdirect,
}

/// <summary>A server of messages on .NET's own sockets whose replies the test controls, for tests of clients.</summary>
internal sealed class MessageServer : IDisposable
{
    private static int s_names;

    private readonly EndpointKind _kind;
    private readonly IProtocol _protocol;
    private readonly Func<int, Fate> _fate;
    private readonly Socket _socket;
    private readonly ConcurrentBag<Socket> _connections = [];
    private readonly ServerCounters _counters = new();
    private int _requests;

    /// <param name="kind">Datagrams or seqpacket.</param>
    /// <param name="protocol">echo or rpc.</param>
    /// <param name="fate">What happens to the reply to the first request, the second, and so on.</param>
    public MessageServer(EndpointKind kind, string protocol, Func<int, Fate>? fate = null)
    {
        (_kind, _fate) = (kind, fate ?? (_ => Fate.Answer));
        _protocol = protocol == "echo" ? new EchoProtocol() : new RpcProtocol(new MultiplexProgram(_counters));
        string name = $"multiplex-tests-{Environment.ProcessId}-{Interlocked.Increment(ref s_names)}";
        bool udp = kind == EndpointKind.Udp;
        _socket = new(
            udp ? AddressFamily.InterNetwork : AddressFamily.Unix,
            kind == EndpointKind.UnixPacket ? SocketType.Seqpacket : SocketType.Dgram,
            udp ? ProtocolType.Udp : ProtocolType.Unspecified)
        {
            ReceiveBufferSize = 1 << 20,
            SendBufferSize = 1 << 20,
        };
        _socket.Bind(udp ? new IPEndPoint(IPAddress.Loopback, 0) : new UnixDomainSocketEndPoint($"\0{name}"));
        Endpoint = Endpoint.Parse(udp ? $"udp://{_socket.LocalEndPoint}" : $"{kind.Prefix()}@{name}");
        if (kind == EndpointKind.UnixPacket)
            _socket.Listen(64);
        Start(kind == EndpointKind.UnixPacket ? Accept : () => Converse(_socket));
    }

    public Endpoint Endpoint { get; }

    /// <summary>The first word of every request that has come: the xid of RPC calls.</summary>
    public ConcurrentQueue<uint> Numbers { get; } = new();

    public void Dispose()
    {
        _socket.Dispose();
        foreach (Socket connection in _connections)
            connection.Dispose();
    }

    private static void Start(Action work) => Background.Run(() =>
    {
        try
        {
            work();
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // the client or the server has gone
        }
    });

    private void Accept()
    {
        while (true)
        {
            Socket connection = _socket.Accept();
            connection.SendBufferSize = 1 << 20;
            _connections.Add(connection);
            Start(() => Converse(connection));
        }
    }

    private void Converse(Socket socket)
    {
        byte[] buffer = new byte[1 << 20];
        OutputBuffer reply = new();
        byte[]? held = null;
        EndPoint client = _kind == EndpointKind.Udp ? new IPEndPoint(IPAddress.Any, 0) : new UnixDomainSocketEndPoint("\0");
        while (true)
        {
            int length = _kind == EndpointKind.UnixPacket ? socket.Receive(buffer) : socket.ReceiveFrom(buffer, ref client);
            if (length == 0)
                return;
            Numbers.Enqueue(length < sizeof(uint) ? 0 : BinaryPrimitives.ReadUInt32BigEndian(buffer));
            reply.Clear();
            _protocol.AnswerMessage(buffer.AsSpan(0, length), default, reply);
            Fate fate = _fate(Interlocked.Increment(ref _requests));
            if (fate == Fate.Hold)
            {
                held = reply.Written.ToArray();
                continue;
            }

            if (held is not null)
                Send(held);
            held = null;
            foreach (byte[] message in Treat(reply.Written.ToArray(), fate))
                Send(message);
        }

        void Send(byte[] message)
        {
            if (_kind == EndpointKind.UnixPacket)
                socket.Send(message);
            else
                socket.SendTo(message, client);
        }
    }

    private static byte[][] Treat(byte[] reply, Fate fate)
    {
        switch (fate)
        {
            case Fate.Drop:
                return [];
            case Fate.Twice:
                return [reply, reply];
            case Fate.Shorten:
                return [reply[..^1]];
            case Fate.Lengthen:
                return [[.. reply, 0]];
            case Fate.Corrupt:
                reply[^1] ^= 1;
                return [reply];
            case Fate.Misdirect:
                reply[0] ^= 0x80;
                return [reply];
            default:
                return [reply];
        }
    }
}
