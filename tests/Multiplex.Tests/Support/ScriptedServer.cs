using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Multiplex.Rpc;
using Multiplex.Sockets;

namespace Multiplex.Tests.Support;

/// <summary>A TCP server on .NET's own sockets that does with each connection just what a test says.</summary>
internal sealed class ScriptedServer : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly ConcurrentBag<Socket> _connections = [];
    private int _count;

    /// <param name="converse">What happens on a connection: the first is number 1. It is closed afterwards.</param>
    public ScriptedServer(Action<ScriptedConnection> converse)
    {
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen(64);
        Endpoint = Endpoint.Parse($"tcp://{_listener.LocalEndPoint}");
        Run(() =>
        {
            while (true)
            {
                Socket socket = _listener.Accept();
                _connections.Add(socket);
                int number = Interlocked.Increment(ref _count);
                Run(() =>
                {
                    using ScriptedConnection connection = new(socket, number);
                    converse(connection);
                });
            }
        });
    }

    public Endpoint Endpoint { get; }

    /// <summary>How many connections there have been.</summary>
    public int Connections => Volatile.Read(ref _count);

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

    /// <summary>The next call.</summary>
    public ReceivedCall Receive()
    {
        byte[] message = Read((int)(BinaryPrimitives.ReadUInt32BigEndian(Read(4)) & ~RecordMarking.LastFragment));
        return new(BinaryPrimitives.ReadUInt32BigEndian(message), message);
    }

    /// <summary>Answers with success and these results.</summary>
    public void Answer(uint xid, params byte[] results) => Send(Reply(xid, results));

    public void Send(byte[] bytes)
    {
        for (int sent = 0; sent < bytes.Length;)
            sent += socket.Send(bytes, sent, bytes.Length - sent, SocketFlags.None);
    }

    /// <summary>Is gone with a reset.</summary>
    public void Reset()
    {
        socket.LingerState = new(enable: true, seconds: 0);
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

    private byte[] Read(int count)
    {
        byte[] bytes = new byte[count];
        for (int length = 0; length < count;)
        {
            int received = socket.Receive(bytes, length, count - length, SocketFlags.None);
            if (received == 0)
                throw new EndOfStreamException();
            length += received;
        }

        return bytes;
    }
}
