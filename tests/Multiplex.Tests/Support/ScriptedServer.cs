using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Multiplex.Sockets;

namespace Multiplex.Tests.Support;

/// <summary>A server of connections on .NET's own sockets that runs a test's script on each.</summary>
internal sealed class ScriptedServer : IDisposable
{
    private readonly Socket _listener;
    private readonly ConcurrentBag<Socket> _connections = [];
    private int _count;
    private int _ended;

    /// <param name="converse">The script of a connection: the first is number 1. It is closed afterwards.</param>
    /// <param name="kind">The kind of endpoint: TCP, UNIX stream or seqpacket.</param>
    public ScriptedServer(Action<ScriptedConnection> converse, EndpointKind kind = EndpointKind.Tcp)
    {
        string name = $"multiplex-scripted-{Guid.NewGuid():N}";
        bool isTcp = kind == EndpointKind.Tcp;
        _listener = new(isTcp ? AddressFamily.InterNetwork : AddressFamily.Unix, kind.IsStream() ? SocketType.Stream : SocketType.Seqpacket, ProtocolType.Unspecified);
        _listener.Bind(isTcp ? new IPEndPoint(IPAddress.Loopback, 0) : new UnixDomainSocketEndPoint($"\0{name}"));
        _listener.Listen(64);
        Endpoint = Endpoint.Parse(isTcp ? $"tcp://{_listener.LocalEndPoint}" : $"{kind.Prefix()}@{name}");
        Run(() =>
        {
            while (true)
            {
                Socket socket = _listener.Accept();
                _connections.Add(socket);
                int number = Interlocked.Increment(ref _count);
                Run(() =>
                {
                    using (ScriptedConnection connection = new(socket, number))
                        converse(connection);
                    Interlocked.Increment(ref _ended);
                });
            }
        });
    }

    public Endpoint Endpoint { get; }

    /// <summary>How many connections there have been.</summary>
    public int Connections => Volatile.Read(ref _count);

    /// <summary>How many of them are closed because their script has ended.</summary>
    public int Ended => Volatile.Read(ref _ended);

    /// <summary>Waits until the end of a connection has arrived at a client that has not closed its own side.</summary>
    public void AwaitEnd() => Eventually.Holds(
        () => Ended > 0 && (Endpoint.Kind != EndpointKind.Tcp || TcpTable.All().Any(one => one.RemotePort == Endpoint.Port && one.IsClosedByPeer)),
        "the end of a connection does not arrive");

    public void Dispose()
    {
        _listener.Dispose();
        foreach (Socket connection in _connections)
            connection.Dispose();
    }

    private static void Run(Action work) => Background.Run(() =>
    {
        try
        {
            work();
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or EndOfStreamException)
        {
            // the client or the test has gone
        }
    });
}

/// <summary>A call as it came: its transaction and the whole message.</summary>
internal sealed record ReceivedCall(uint Xid, byte[] Message)
{
    /// <summary>The arguments, after a head with AUTH_NONE.</summary>
    public byte[] Arguments => Message[CallWriter.HeadLength..];
}

/// <summary>The server's end of one connection.</summary>
internal sealed class ScriptedConnection(Socket socket, int number) : IDisposable
{
    public int Number => number;

    private const int LongestMessage = 64 * 1024;

    private bool KeepsMessages => socket.SocketType == SocketType.Seqpacket;

    /// <summary>The next call.</summary>
    public ReceivedCall Receive()
    {
        byte[] message = KeepsMessages ? ReadSome(LongestMessage) : Read(RecordLength(Read(RecordMarking.HeaderLength)));
        return new(BinaryPrimitives.ReadUInt32BigEndian(message), message);
    }

    /// <summary>Answers with success and these results.</summary>
    public void Answer(uint xid, params byte[] results) => Send(Reply(xid, results));

    /// <summary>Sends bytes; where messages stay whole they are records, and each goes without its header.</summary>
    public void Send(byte[] bytes)
    {
        for (int sent = 0; sent < bytes.Length;)
        {
            int length = bytes.Length - sent;
            if (KeepsMessages)
            {
                length = RecordLength(bytes.AsSpan(sent));
                sent += RecordMarking.HeaderLength;
            }

            sent += socket.Send(bytes, sent, length, SocketFlags.None);
        }
    }

    /// <summary>Closes once a call has come, which stays unread: the client gets a reset, on every kind of socket.</summary>
    public void CloseUnread()
    {
        socket.Poll(-1, SelectMode.SelectRead);
        socket.LingerState = new(enable: true, seconds: 0);   // the library shuts a TCP socket down first
        socket.Close();
    }

    /// <summary>Waits until the client closes.</summary>
    public void AwaitEnd()
    {
        byte[] rest = new byte[4096];
        while (socket.Receive(rest) > 0)
        {
        }
    }

    /// <summary>Waits until the client abandons the connection: over TCP by a reset, which a UNIX-domain socket does not have.</summary>
    public void AwaitAbandoned()
    {
        bool isReset = false;
        try
        {
            AwaitEnd();
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
        {
            isReset = true;
        }

        if (isReset == (socket.AddressFamily == AddressFamily.Unix))
            throw new EndOfStreamException("the client has ended the connection in another way");
    }

    public void Dispose() => socket.Dispose();

    /// <summary>A reply with MSG_ACCEPTED and SUCCESS, as a record.</summary>
    public static byte[] Reply(uint xid, params byte[] results) => Record([.. Word(xid), .. Word(1), .. new byte[16], .. results]);

    public static byte[] Record(byte[] message) => [.. Word(RecordMarking.LastFragment | (uint)message.Length), .. message];

    public static byte[] Word(uint value)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return bytes;
    }

    private static int RecordLength(ReadOnlySpan<byte> record) => (int)(BinaryPrimitives.ReadUInt32BigEndian(record) & ~RecordMarking.LastFragment);

    private byte[] Read(int count)
    {
        byte[] bytes = [];
        while (bytes.Length < count)
            bytes = [.. bytes, .. ReadSome(count - bytes.Length)];
        return bytes;
    }

    private byte[] ReadSome(int atMost)
    {
        byte[] bytes = new byte[atMost];
        int received = socket.Receive(bytes);
        return received > 0 ? bytes[..received] : throw new EndOfStreamException();
    }
}
