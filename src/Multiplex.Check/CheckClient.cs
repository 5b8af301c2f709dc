using System.Diagnostics;
using Multiplex.Interop;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Check;

/// <summary>A client of the server under check, on a non-blocking socket: of a stream, or of datagrams to one peer. No wait is longer than the timeout; a wait that ends by it is a fault.</summary>
public sealed class CheckClient : IDisposable
{
    private const int PieceLength = 64 * 1024;

    private static readonly TimeSpan s_tryAgain = TimeSpan.FromMilliseconds(10);

    private readonly byte[] _buffer = new byte[PieceLength];
    private readonly string _name;
    private readonly TimeSpan _timeout;
    private int _descriptor;

    private CheckClient(int descriptor, string name, TimeSpan timeout) => (_descriptor, _name, _timeout) = (descriptor, name, timeout);

    private string InTime => $"within {_timeout.TotalSeconds:0.###} s";

    /// <summary>Connects.</summary>
    /// <param name="endpoint">Where the server listens.</param>
    /// <param name="name">The client's name in messages.</param>
    /// <param name="timeout">The longest wait.</param>
    /// <param name="isNarrow">Whether the socket's buffers are to be as small as the kernel allows.</param>
    /// <exception cref="ServerFaultException">The connection was refused, or did not come about in time.</exception>
    internal static CheckClient Connect(Endpoint endpoint, string name, TimeSpan timeout, bool isNarrow = false)
    {
        SyscallResult result = default;
        foreach (byte[] address in AddressLookup.Find(endpoint, passive: false))
        {
            CheckClient client = new(socket(AddressLookup.FamilyOf(address), endpoint.Kind.SocketType() | SOCK_CLOEXEC | SOCK_NONBLOCK, 0).OrThrow("socket"), name, timeout);
            if (isNarrow)
                client.Narrow();
            result = client.ConnectTo(address);
            if (!result.IsError)
                return client;
            client.Dispose();
        }

        throw new ServerFaultException(result.Is(EAGAIN)
            ? $"{name} could not connect: the queue of listen(2) stayed full for {timeout.TotalSeconds:0.###} s"
            : $"{name} could not connect: {Text(result.Errno)}");
    }

    /// <summary>Sends all of it.</summary>
    public void Send(ReadOnlySpan<byte> bytes) => Exchange(bytes, []);

    /// <summary>Receives these bytes.</summary>
    public void Receive(ReadOnlySpan<byte> expected) => Exchange([], expected);

    /// <summary>Sends and receives at the same time, so that neither side's buffers need to hold all bytes.</summary>
    /// <param name="bytes">What to send.</param>
    /// <param name="expected">What has to come.</param>
    /// <exception cref="ServerFaultException">Other bytes came, too few, or none in time.</exception>
    public void Exchange(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> expected)
    {
        int sent = 0, received = 0;
        while (sent < bytes.Length || received < expected.Length)
        {
            int ready = Await((sent < bytes.Length ? POLLOUT : 0) | (received < expected.Length ? POLLIN : 0), _timeout);
            if (ready == 0)
            {
                throw Fault(received == expected.Length ? $"the server took {sent:N0} of {bytes.Length:N0} bytes, and no more {InTime}"
                    : received == 0 ? $"nothing came back {InTime}"
                    : $"{received:N0} of {expected.Length:N0} bytes came back, and no more {InTime}");
            }

            if (received < expected.Length && (ready & ~POLLOUT) != 0)
                received += ReceiveSome(expected, received);
            else
                sent += SendSome(bytes[sent..], sent, bytes.Length);
        }
    }

    /// <summary>Receives some bytes of any value.</summary>
    /// <param name="room">Where to.</param>
    /// <param name="what">What they are part of, for messages.</param>
    /// <returns>How many, 1 at least.</returns>
    /// <exception cref="ServerFaultException">The server closed the connection before them, or they did not come in time.</exception>
    internal int ReceiveSome(Span<byte> room, string what)
    {
        SyscallResult result;
        do
        {
            if (Await(POLLIN, _timeout) == 0)
                throw Fault($"no whole {what} came {InTime}");
            result = recv(_descriptor, room, 0);
        }
        while (result.Is(EAGAIN));
        return result.IsError ? throw Fault($"in place of a {what} came {Text(result.Errno)}")
            : result.Value == 0 ? throw Fault($"in place of a {what} the server closed the connection")
            : (int)result.Value;
    }

    /// <summary>Sends bytes that the server may refuse by closing the connection.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <param name="timeout">The longest time in which it may take nothing.</param>
    /// <returns>Whether the socket took them.</returns>
    internal bool TrySend(ReadOnlySpan<byte> bytes, TimeSpan timeout)
    {
        while (!bytes.IsEmpty)
        {
            if (Await(POLLOUT, timeout) == 0)
                return false;
            SyscallResult result = send(_descriptor, bytes, MSG_NOSIGNAL);
            if (result.IsError && !result.Is(EAGAIN))
                return false;
            bytes = bytes[(int)Math.Max(0, result.Value)..];
        }

        return true;
    }

    /// <summary>Waits until there is something to receive, or the end.</summary>
    /// <returns>Whether that came in this time.</returns>
    internal bool AwaitBytes(TimeSpan time) => Await(POLLIN, time) != 0;

    /// <summary>Sends each byte in a segment of its own, tcp(7): TCP_NODELAY.</summary>
    internal void SendApart(ReadOnlySpan<byte> bytes)
    {
        setsockopt(_descriptor, IPPROTO_TCP, TCP_NODELAY, 1);   // a UNIX-domain socket has none, and joins nothing
        for (int i = 0; i < bytes.Length; i++)
            Send(bytes.Slice(i, 1));
    }

    /// <summary>Sends a datagram, which may have no bytes.</summary>
    internal void SendDatagram(ReadOnlySpan<byte> bytes)
    {
        SyscallResult result = send(_descriptor, bytes, MSG_NOSIGNAL);
        if (result.IsError && !result.Is(EAGAIN))
            throw Fault($"a datagram could not be sent: {Text(result.Errno)}");
    }

    /// <summary>The next datagram; empty when none came in this time.</summary>
    /// <exception cref="ServerFaultException">The kernel reports an error, such as that nothing listens.</exception>
    internal ReadOnlySpan<byte> ReceiveDatagram(TimeSpan time)
    {
        if (Await(POLLIN, time) == 0)
            return [];
        SyscallResult result = recv(_descriptor, _buffer, 0);
        return result.IsError ? throw Fault($"in place of a reply came {Text(result.Errno)}") : _buffer.AsSpan(0, (int)result.Value);
    }

    /// <summary>Receives the end of file: the server has closed its side, after all bytes.</summary>
    /// <exception cref="ServerFaultException">Further bytes came, a reset, or nothing in time.</exception>
    public void ReceiveEnd()
    {
        if (Await(POLLIN, _timeout) == 0)
            throw Fault($"no end of file came {InTime}");
        SyscallResult result = recv(_descriptor, _buffer, 0);
        if (result.IsError)
            throw Fault($"in place of an end of file came {Text(result.Errno)}");
        if (result.Value > 0)
            throw Fault("more bytes came back than were sent");
    }

    /// <summary>Sends without reading, until the server takes no more.</summary>
    /// <param name="piece">What to send, again and again.</param>
    /// <param name="most">After how many bytes to end.</param>
    /// <param name="blocked">Ends when nothing was taken for this time; null is 2 s, as a busy machine may hold a server up for half a second.</param>
    /// <returns>How many bytes the socket took.</returns>
    public long SendUntilBlocked(ReadOnlySpan<byte> piece, long most, TimeSpan? blocked = null)
    {
        long sent = 0;
        while (sent < most && Await(POLLOUT, blocked ?? TimeSpan.FromSeconds(2)) != 0)
        {
            int offset = (int)(sent % piece.Length);
            sent += SendSome(piece.Slice(offset, (int)Math.Min(piece.Length - offset, most - sent)), sent, most);
        }

        return sent;
    }

    /// <summary>Receives what <see cref="SendUntilBlocked"/> has sent.</summary>
    public void ReceiveRepeated(ReadOnlySpan<byte> piece, long count)
    {
        for (; count > 0; count -= piece.Length)
            Receive(piece[..(int)Math.Min(piece.Length, count)]);
    }

    /// <summary>Half-close, shutdown(2) with SHUT_WR: it sends no more, and still reads.</summary>
    public void EndWriting() => shutdown(_descriptor, SHUT_WR);

    /// <summary>Closes abruptly: on TCP the server gets a reset.</summary>
    public void Vanish()
    {
        setsockopt(_descriptor, SOL_SOCKET, SO_LINGER, new linger { l_onoff = 1 });
        Dispose();
    }

    /// <summary>close(2).</summary>
    public void Dispose()
    {
        if (_descriptor >= 0)
            close(_descriptor);
        _descriptor = -1;
    }

    private static string Text(int errno) => $"{ErrnoText.Name(errno)} ({ErrnoText.Description(errno)})";

    // connect(2). On AF_UNIX it never gives EINPROGRESS: while the queue of listen(2) is full it fails with EAGAIN, unix(7), and only another connect(2) shows when
    // there is room.
    private SyscallResult ConnectTo(ReadOnlySpan<byte> address)
    {
        long start = Stopwatch.GetTimestamp();
        SyscallResult result;
        while ((result = connect(_descriptor, address)).Is(EAGAIN) && Stopwatch.GetElapsedTime(start) < _timeout)
            Thread.Sleep(s_tryAgain);
        if (!result.Is(EINPROGRESS))
            return result;
        return Await(POLLOUT, _timeout) == 0 ? SyscallResult.Failed(ETIMEDOUT)
            : getsockopt(_descriptor, SOL_SOCKET, SO_ERROR, out int error) is { IsError: false } && error == 0 ? default
            : SyscallResult.Failed(error);
    }

    // A small receive window; the server then has a send buffer for a few segments, which are small too: tcp(7).
    private void Narrow()
    {
        const int LeastSegment = 536;
        setsockopt(_descriptor, SOL_SOCKET, SO_RCVBUF, 1);
        setsockopt(_descriptor, IPPROTO_TCP, TCP_MAXSEG, LeastSegment);
    }

    // What is ready of these events; 0 after the timeout.
    private int Await(int events, TimeSpan timeout)
    {
        pollfd entry = new() { fd = _descriptor, events = (short)events };
        SyscallResult ready;
        do
        {
            ready = poll(new Span<pollfd>(ref entry), (int)timeout.TotalMilliseconds);
        }
        while (ready.Is(EINTR));
        ready.OrThrow("poll");
        return entry.revents;
    }

    private int SendSome(ReadOnlySpan<byte> bytes, long sent, long all)
    {
        SyscallResult result = send(_descriptor, bytes, MSG_NOSIGNAL);
        if (result.Is(EAGAIN))
            return 0;
        return result.IsError ? throw Fault($"after {sent:N0} of {all:N0} bytes sent came {Text(result.Errno)}") : (int)result.Value;
    }

    private int ReceiveSome(ReadOnlySpan<byte> expected, int received)
    {
        ReadOnlySpan<byte> left = expected[received..];
        SyscallResult result = recv(_descriptor, _buffer.AsSpan(0, Math.Min(left.Length, _buffer.Length)), 0);
        if (result.Is(EAGAIN))
            return 0;
        if (result.IsError)
            throw Fault($"after {received:N0} of {expected.Length:N0} bytes came {Text(result.Errno)}");
        int count = (int)result.Value;
        if (count == 0)
            throw Fault($"the server closed the connection after {received:N0} of {expected.Length:N0} bytes");
        int same = left.CommonPrefixLength(_buffer.AsSpan(0, count));
        return same == count ? count : throw Fault($"byte {received + same:N0} of {expected.Length:N0} came back as 0x{_buffer[same]:x2}, not 0x{left[same]:x2}");
    }

    /// <summary>A fault that this client has seen.</summary>
    internal ServerFaultException Fault(string seen) => new($"{_name}: {seen}");
}
