using System.Buffers.Binary;
using Multiplex.Interop;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Rpc.Transports;

/// <summary>
/// Datagrams: a call or its reply may be lost, and a reply may come twice or late. So a call is sent again, with the same xid,
/// until a reply with that xid comes or the time is up; every other datagram is passed over.
/// </summary>
internal sealed class DatagramTransport : RpcTransport
{
    private readonly Endpoint _server;
    private readonly RpcClientOptions _options;
    private readonly IReadOnlyList<byte[]> _addresses;
    private readonly MessageBuffer _buffer = new();
    private int _socket = -1;
    private int _tried;   // addresses
    private bool _hasAnswered;

    public DatagramTransport(Endpoint server, IReadOnlyList<byte[]> addresses, RpcClientOptions options)
    {
        (_server, _addresses, _options) = (server, addresses, options);
        ConnectToNext();
    }

    public override ReadOnlySpan<byte> Exchange(ReadOnlySpan<byte> call, uint xid, TimeSpan timeout)
    {
        MessageBuffer.MakeRoom(_socket, _server.Kind, call.Length);
        TimeSpan end = Now + timeout, wait = _options.FirstRetry;
        while (Now < end)
        {
            if (!TrySend(call, end))
                continue;
            TimeSpan again = Now + wait;
            if (TryReceive(xid, again < end ? again : end, out ReadOnlySpan<byte> reply))
                return reply;
            wait = wait * 2 < _options.LongestRetry ? wait * 2 : _options.LongestRetry;
        }

        throw new RpcException(
            $"call {_server}: no answer within {timeout.TotalSeconds:0.###} s: the server is down or hangs, or what was sent is lost");
    }

    public override void Dispose() => close(_socket);

    private static TimeSpan Now => TimeSpan.FromMilliseconds(Environment.TickCount64);

    // A UNIX-domain datagram waits while the server's queue is full, net.unix.max_dgram_qlen.
    private bool TrySend(ReadOnlySpan<byte> call, TimeSpan end)
    {
        SyscallResult result = send(_socket, call, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (result.Is(EAGAIN))
            Await(POLLOUT, end);
        else if (result.IsError)
            GiveUpAddress(result);
        return !result.IsError;
    }

    private bool TryReceive(uint xid, TimeSpan end, out ReadOnlySpan<byte> reply)
    {
        while (true)
        {
            SyscallResult result = _buffer.Receive(_socket, MSG_DONTWAIT, out reply);
            if (reply.Length >= sizeof(uint) && BinaryPrimitives.ReadUInt32BigEndian(reply) == xid)
                return _hasAnswered = true;
            if (result.IsError && !result.Is(EAGAIN))
            {
                GiveUpAddress(result);
                return false;
            }

            if (Now >= end)
                return false;
            if (result.IsError)
                Await(POLLIN, end);
        }
    }

    // That nobody is at a UDP address is not told by connect(2), but after something was sent there: then the next one is tried.
    private void GiveUpAddress(SyscallResult result)
    {
        if (_hasAnswered || _tried == _addresses.Count)
            throw AddressProblem.Of("call", result.Errno, _server);
        close(_socket);
        _socket = -1;
        ConnectToNext();
    }

    private void ConnectToNext()
    {
        while (_socket < 0)
        {
            try
            {
                _socket = Connector.Connect(_server, [_addresses[_tried++]]);
            }
            catch (SyscallException) when (_tried < _addresses.Count)
            {
                // such as ENETUNREACH: an IPv6 address on a machine that has no route to it
            }
        }
    }

    private void Await(short events, TimeSpan end)
    {
        pollfd entry = new() { fd = _socket, events = events };
        SyscallResult result = poll(new Span<pollfd>(ref entry), (int)Math.Max((end - Now).TotalMilliseconds, 0));
        if (!result.Is(EINTR))
            result.OrThrow("poll");
    }
}
