using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using Multiplex.Interop;

namespace Multiplex.ServerTests.Harness;

/// <summary>A client on the sockets of .NET's own library, which share no code with what is tested.</summary>
internal sealed class TestClient : IDisposable
{
    private static readonly int s_patience = (int)Eventually.Deadline.TotalMilliseconds;

    private SslStream? _tls;
    private byte[]? _message;   // of 2 MiB: one for each message would keep the collector busy

    /// <summary>Connects.</summary>
    /// <param name="server">The server's endpoint.</param>
    /// <param name="local">The address to connect from; null: the kernel chooses.</param>
    public TestClient(ServerAddress server, EndPoint? local = null)
    {
        Socket = server.NewSocket();
        Socket.ReceiveTimeout = s_patience;
        Socket.SendTimeout = s_patience;
        if ((local ?? server.NewClientName()) is { } name)
            Socket.Bind(name);
        Socket.Connect(server.EndPoint);
    }

    public Socket Socket { get; }

    /// <summary>The address of its own end of the connection.</summary>
    public EndPoint? Local => Socket.LocalEndPoint;

    /// <summary>Begins TLS: all that is sent and received from now on is within it.</summary>
    /// <exception cref="System.Security.Authentication.AuthenticationException">One side refuses the other.</exception>
    public void Secure(SslClientAuthenticationOptions options)
    {
        _tls = new(new NetworkStream(Socket));
        _tls.AuthenticateAsClient(options);
    }

    /// <summary>Sends all of it.</summary>
    public void Send(ReadOnlySpan<byte> bytes)
    {
        if (_tls is not null)
        {
            _tls.Write(bytes);
            return;
        }

        while (!bytes.IsEmpty)
            bytes = bytes[Socket.Send(bytes)..];
    }

    /// <summary>Receives exactly so many bytes.</summary>
    public byte[] Receive(int count)
    {
        byte[] bytes = new byte[count];
        for (int length = 0; length < count;)
        {
            int received = ReceiveSome(bytes.AsSpan(length));
            if (received == 0)
                throw new EndOfStreamException($"the server closed the connection after {length} of {count} bytes");
            length += received;
        }

        return bytes;
    }

    /// <summary>Receives one message, where boundaries are kept.</summary>
    public byte[] ReceiveMessage()
    {
        byte[] bytes = _message ??= new byte[2 << 20];
        return bytes[..Socket.Receive(bytes)];
    }

    /// <summary>Receives until the server closes its side.</summary>
    public byte[] ReceiveToEnd()
    {
        using MemoryStream all = new();
        byte[] piece = new byte[64 * 1024];
        for (int received; (received = ReceiveSome(piece)) > 0;)
            all.Write(piece, 0, received);
        return all.ToArray();
    }

    /// <summary>Receives until the connection ends in any way.</summary>
    /// <returns>What came before.</returns>
    public byte[] ReceiveUntilClosedOrReset()
    {
        using MemoryStream all = new();
        byte[] piece = new byte[64 * 1024];
        try
        {
            for (int received; (received = Socket.Receive(piece)) > 0;)
                all.Write(piece, 0, received);
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionReset or SocketError.Shutdown)
        {
            // A close with bytes left unread is a reset on the wire.
        }

        return all.ToArray();
    }

    /// <summary>Sends this again and again, whole each time, until the socket's buffer is full.</summary>
    /// <returns>How many bytes of it are known to have arrived at the server: the rest may be on the way.</returns>
    public int SendUntilFull(byte[] bytes, int times)
    {
        int sent = 0;
        Socket.Blocking = false;
        for (int i = 0; i < times; i++)
        {
            int count = Socket.Send(bytes, SocketFlags.None, out SocketError error);
            sent += error == SocketError.Success ? count : 0;
            if (error != SocketError.Success || count < bytes.Length)
                break;
        }

        Socket.Blocking = true;

        // Over a UNIX-domain socket everything has arrived; otherwise only acknowledged bytes have, and an acknowledgement takes a moment, or never comes while the server has no room.
        if (Socket.AddressFamily == AddressFamily.Unix)
            return sent;
        int onTheWay = sent;
        SpinWait.SpinUntil(
            () =>
            {
                Libc.ioctl((int)Socket.Handle, Libc.SIOCOUTQ, out onTheWay).OrThrow("ioctl");
                return onTheWay == 0;
            },
            TimeSpan.FromSeconds(1));
        return sent - onTheWay;
    }

    /// <summary>Sends while it receives as many bytes, so that neither side's buffers need to hold it all.</summary>
    public byte[] Exchange(byte[] bytes, int pieceLength = int.MaxValue, int? replyLength = null)
    {
        Task sending = Task.Run(() =>
        {
            for (int start = 0; start < bytes.Length;)
            {
                int length = Math.Min(pieceLength, bytes.Length - start);
                Send(bytes.AsSpan(start, length));
                start += length;
            }
        });
        byte[] received = Receive(replyLength ?? bytes.Length);
        sending.GetAwaiter().GetResult();
        return received;
    }

    /// <summary>Sends without ever reading, until the socket takes no more or the limit is reached.</summary>
    /// <returns>How many bytes the socket took.</returns>
    public long PumpUntilBlocked(byte[] piece, long limit)
    {
        TimeSpan untilItCountsAsBlocked = TimeSpan.FromSeconds(1);
        long sent = 0;
        Socket.Blocking = false;
        while (sent < limit && Socket.Poll(untilItCountsAsBlocked, SelectMode.SelectWrite))
        {
            int offset = (int)(sent % piece.Length);
            int count = Socket.Send(piece.AsSpan(offset, (int)Math.Min(piece.Length - offset, limit - sent)), SocketFlags.None, out SocketError error);
            if (error is not (SocketError.Success or SocketError.WouldBlock))
                throw new SocketException((int)error);
            sent += count;
        }

        Socket.Blocking = true;
        return sent;
    }

    /// <summary>Half-close: ends sending, and still reads.</summary>
    public void EndWriting() => Socket.Shutdown(SocketShutdown.Send);

    /// <summary>Within TLS: announces the end of sending, and still reads.</summary>
    public void EndSecured() => _tls!.ShutdownAsync().GetAwaiter().GetResult();

    /// <summary>Closes abruptly: on TCP the server gets a reset.</summary>
    public void Vanish()
    {
        Socket.LingerState = new(enable: true, seconds: 0);
        Socket.Close();
    }

    public void Dispose()
    {
        _tls?.Dispose();
        Socket.Dispose();
    }

    private int ReceiveSome(Span<byte> bytes) => _tls is null ? Socket.Receive(bytes) : _tls.Read(bytes);
}
