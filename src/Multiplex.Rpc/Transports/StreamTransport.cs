using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Rpc.Transports;

/// <summary>A stream: each message is a record, which may come in pieces.</summary>
internal sealed class StreamTransport(Endpoint server) : RpcTransport
{
    private readonly int _socket = Connector.Connect(server);
    private readonly OutputBuffer _record = new();
    private byte[] _received = new byte[4096];
    private int _length;

    public override ReadOnlySpan<byte> Exchange(ReadOnlySpan<byte> call, uint xid, TimeSpan timeout)
    {
        _record.Clear();
        RecordMarking.Write(_record, call);
        for (ReadOnlySpan<byte> rest = _record.Written; !rest.IsEmpty;)
            rest = rest[send(_socket, rest, MSG_NOSIGNAL).OrThrow("send", server)..];

        int length = AwaitRecord();
        byte[] message = new byte[length];
        int count = RecordMarking.Reassemble(_received.AsSpan(0, length), message);
        _length -= length;
        _received.AsSpan(length, _length).CopyTo(_received);
        return message.AsSpan(0, count);
    }

    public override void Dispose() => close(_socket);

    private int AwaitRecord()
    {
        FramingProgress progress = default;
        while (true)
        {
            int length = _length == 0
                ? FrameResult.Incomplete
                : RecordMarking.Frame(_received.AsSpan(0, _length), ref progress, RpcProtocol.UsualMaxRecord);
            if (length > 0)
                return length;
            if (length == FrameResult.Malformed)
                throw new RpcException("the server's reply is no RPC record");
            if (_length == _received.Length)
                Array.Resize(ref _received, 2 * _length);
            int count = recv(_socket, _received.AsSpan(_length), 0).OrThrow("recv", server);
            if (count == 0)
                throw new RpcException("the server closed the connection without a reply");
            _length += count;
        }
    }
}
