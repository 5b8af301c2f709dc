using System.Buffers;
using Multiplex.Interop;
using Multiplex.Rpc.Client.Calls;
using Multiplex.Rpc.Messages;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Rpc.Client;

/// <summary>How calls and replies are sent over each kind of socket. Nothing here waits.</summary>
internal abstract class Transport(Endpoint server)
{
    /// <summary>The server, for the messages of failures.</summary>
    public Endpoint Server { get; set; } = server;

    /// <summary>The transport for this kind of socket.</summary>
    /// <param name="server">The server's endpoint.</param>
    /// <param name="maxReply">The longest reply in bytes.</param>
    /// <param name="tls">TLS on a stream; null for none.</param>
    public static Transport For(Endpoint server, int maxReply, ClientTls? tls = null) =>
        server.Kind.IsStream() ? new StreamTransport(server, maxReply, tls) : new MessageTransport(server, maxReply);

    /// <summary>Sends some of these records, on whole ones where the socket keeps the boundaries of messages.</summary>
    /// <returns>How many of the bytes are done with, or the errno.</returns>
    public abstract SyscallResult Send(int socket, ReadOnlySpan<byte> records);

    /// <summary>Whether the transport itself has bytes that the kernel has not taken: <see cref="Send"/> is to be called again, with no records too.</summary>
    public virtual bool HasUnsent => false;

    /// <summary>Receives what is there, and hands each reply on.</summary>
    /// <returns>
    /// Why there will be no more: an <see cref="RpcConnectionException"/> when the connection has ended, an
    /// <see cref="RpcBadReplyException"/> when the received bytes are invalid; null while the connection holds.
    /// </returns>
    public abstract RpcException? Receive(int socket, ReplyHandler deliver);

    /// <summary>How many bytes have been received of a reply that is not whole, and its xid where that is among them.</summary>
    public virtual (int Bytes, uint? Xid) PartialReply => default;

    /// <summary>Forgets half a reply: it was for a connection that is gone.</summary>
    public abstract void Reset();

    /// <summary>Refuses a call that is too long for this kind of socket, and has the kernel make room for a long one.</summary>
    public virtual void MakeRoom(int socket, int length)
    {
    }

    private protected RpcConnectionException Failed(SyscallResult result)
    {
        SyscallException failure = AddressProblem.Of("recv", result.Errno, Server);
        return new(failure.Message, failure);
    }

    private protected RpcConnectionException Closed() => new(PartialReply.Bytes is > 0 and int bytes
        ? $"the server closed the connection in the middle of a reply, of which {bytes} bytes had arrived"
        : "the server closed the connection without a reply");

    private protected static bool IsNothingThere(SyscallResult result) => result.Is(EAGAIN);
}

/// <summary>Takes one reply's message, which stands only until this returns.</summary>
internal delegate void ReplyHandler(ReadOnlySpan<byte> message);

/// <summary>A stream: each message is a record, which may come in pieces, or many at a time.</summary>
internal sealed class StreamTransport(Endpoint server, int maxReply, ClientTls? tls) : Transport(server)
{
    private const int UsualBuffer = 64 * 1024;
    private const int LongestKept = 2 * 1024 * 1024;   // between replies
    private const int MostReceives = 16;   // in one go: others wait too

    private byte[] _received = new byte[UsualBuffer];
    private int _length;
    private FramingProgress _progress;

    public override (int Bytes, uint? Xid) PartialReply =>
        (_length, _length >= RecordMarking.HeaderLength + sizeof(uint) ? PendingCall.XidOf(_received) : null);

    public override bool HasUnsent => tls is { HasUnsent: true };

    public override SyscallResult Send(int socket, ReadOnlySpan<byte> records) =>
        tls is null ? send(socket, records, MSG_NOSIGNAL | MSG_DONTWAIT) : tls.Send(socket, records);

    public override RpcException? Receive(int socket, ReplyHandler deliver)
    {
        for (int i = 0; i < MostReceives || tls is { MayHaveMore: true }; i++)
        {
            if (_length == _received.Length)
                Array.Resize(ref _received, 2 * _length);   // by the bytes that have come, never by the length in a header
            int room = _received.Length - _length;
            SyscallResult result = tls is null ? recv(socket, _received.AsSpan(_length), MSG_DONTWAIT) : tls.Receive(socket, _received.AsSpan(_length));
            if (result.IsError)
                return IsNothingThere(result) ? null : tls?.Failure ?? (RpcException)Failed(result);
            if (result.Value == 0)
                return Closed();
            _length += (int)result.Value;
            if (!TryDeliver(deliver))
                return new RpcBadReplyException("the server's reply is no RPC record, or is longer than this client takes");
            if (result.Value < room && tls is null)
                return null;
        }

        return null;
    }

    public override void Reset()
    {
        _length = 0;
        _progress = default;
    }

    private bool TryDeliver(ReplyHandler deliver)
    {
        int done = 0, length;
        while ((length = RecordMarking.Frame(_received.AsSpan(done, _length - done), ref _progress, maxReply)) > 0)
        {
            ReadOnlySpan<byte> record = _received.AsSpan(done, length);
            if (RecordMarking.IsSingleFragment(record))
                deliver(record[RecordMarking.HeaderLength..]);
            else
                DeliverFragments(record, deliver);
            done += length;
            _progress = default;
        }

        _length -= done;
        if (_length == 0 && _received.Length > LongestKept)
            _received = new byte[UsualBuffer];
        else if (done > 0 && _length > 0)
            _received.AsSpan(done, _length).CopyTo(_received);
        return length != FrameResult.Malformed;
    }

    private static void DeliverFragments(ReadOnlySpan<byte> record, ReplyHandler deliver)
    {
        byte[] message = ArrayPool<byte>.Shared.Rent(record.Length);
        deliver(message.AsSpan(0, RecordMarking.Reassemble(record, message)));
        ArrayPool<byte>.Shared.Return(message);
    }
}

/// <summary>Datagrams and seqpacket: one message is one call or one reply. The header of a record says where a call ends, and is not sent.</summary>
internal sealed class MessageTransport(Endpoint server, int maxReply) : Transport(server)
{
    private const int MostReceives = 64;   // in one go: others wait too

    private readonly EndpointKind _kind = server.Kind;
    private readonly int _limit = MessageSize.Limit(server.Kind);
    private byte[] _received = new byte[Math.Min(64 * 1024, maxReply + 1)];

    public override SyscallResult Send(int socket, ReadOnlySpan<byte> records)
    {
        int done = 0;
        while (done < records.Length)
        {
            ReadOnlySpan<byte> record = records.Slice(done, RecordMarking.LengthOf(records[done..]));
            SyscallResult result = send(socket, record[RecordMarking.HeaderLength..], MSG_NOSIGNAL | MSG_DONTWAIT);
            if (result.IsError)
                return done > 0 ? SyscallResult.Of(done) : result;
            done += record.Length;
        }

        return SyscallResult.Of(done);
    }

    public override RpcException? Receive(int socket, ReplyHandler deliver)
    {
        for (int i = 0; i < MostReceives; i++)
        {
            // A UDP datagram always fits. A longer message would be truncated: so its length is asked first, recv(2).
            if (_kind != EndpointKind.Udp)
            {
                SyscallResult next = recv(socket, [], MSG_DONTWAIT | MSG_PEEK | MSG_TRUNC);
                if (next.IsError)
                    return IsNothingThere(next) ? null : Failed(next);   // a socket reports a failure once
                if (next.Value > _received.Length)
                    _received = new byte[Math.Min(next.Value, maxReply + 1)];
            }

            SyscallResult result = recv(socket, _received, MSG_DONTWAIT);
            if (result.IsError)
                return IsNothingThere(result) ? null : Failed(result);
            if (result.Value == 0 && !_kind.IsDatagram())
                return Closed();
            if (result.Value <= maxReply)
                deliver(_received.AsSpan(0, (int)result.Value));
            else if (!_kind.IsDatagram())
                return new RpcBadReplyException($"the server's reply is longer than the {maxReply} bytes that this client takes");
        }

        return null;
    }

    public override void Reset()
    {
    }

    public override void MakeRoom(int socket, int length)
    {
        if (length > _limit)
            throw new RpcException($"the call has {length} bytes, and {_kind.Prefix()} takes at most {_limit} in one message: send less, or use a stream");
        if (socket >= 0)
            MessageSize.MakeRoom(socket, length);
    }
}
