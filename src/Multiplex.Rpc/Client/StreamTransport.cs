using System.Buffers;
using Multiplex.Interop;
using Multiplex.Rpc.Messages;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Rpc.Client;

/// <summary>A stream: each message is a record, which may come in pieces, or many at a time.</summary>
internal sealed class StreamTransport(Endpoint server, int maxReply) : Transport(server)
{
    private const int UsualBuffer = 64 * 1024;
    private const int LongestKept = 2 * 1024 * 1024;   // between replies
    private const int MostReceives = 16;   // in one go: others wait too

    private byte[] _received = new byte[UsualBuffer];
    private int _length;
    private FramingProgress _progress;

    public override SyscallResult Send(int socket, ReadOnlySpan<byte> records) => send(socket, records, MSG_NOSIGNAL | MSG_DONTWAIT);

    public override RpcException? Receive(int socket, ReplyHandler deliver)
    {
        for (int i = 0; i < MostReceives; i++)
        {
            if (_length == _received.Length)
                Array.Resize(ref _received, 2 * _length);   // by what has come, never by what a header says
            int room = _received.Length - _length;
            SyscallResult result = recv(socket, _received.AsSpan(_length), MSG_DONTWAIT);
            if (result.IsError)
                return IsNothingThere(result) ? null : Failed(result);
            if (result.Value == 0)
                return Closed(midReply: _length > 0);
            _length += (int)result.Value;
            if (!TryDeliver(deliver))
                return new RpcBadReplyException("the server's reply is no RPC record, or is longer than this client takes");
            if (result.Value < room)
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
