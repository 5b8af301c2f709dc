using Multiplex.Interop;
using Multiplex.Rpc.Messages;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Rpc.Client;

/// <summary>Datagrams and seqpacket: one message is one call or one reply. The header of a record tells where a call ends, and stays here.</summary>
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
            // A UDP datagram always fits. What does not fit would be cut off: so the length is asked first, recv(2).
            if (_kind != EndpointKind.Udp)
            {
                SyscallResult next = recv(socket, [], MSG_DONTWAIT | MSG_PEEK | MSG_TRUNC);
                if (next.IsError)
                    return IsNothingThere(next) ? null : Failed(next);   // a socket tells of a failure once
                if (next.Value > _received.Length)
                    _received = new byte[Math.Min(next.Value, maxReply + 1)];
            }

            SyscallResult result = recv(socket, _received, MSG_DONTWAIT);
            if (result.IsError)
                return IsNothingThere(result) ? null : Failed(result);
            if (result.Value == 0 && !_kind.IsDatagram())
                return Closed(midReply: false);
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
