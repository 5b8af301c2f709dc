using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Rpc.Transports;

/// <summary>A connection that keeps boundaries (seqpacket): one message is one call or one reply, and none is lost.</summary>
internal sealed class PacketTransport(Endpoint server) : RpcTransport
{
    private readonly int _socket = Connector.Connect(server);
    private readonly MessageBuffer _buffer = new();

    public override ReadOnlySpan<byte> Exchange(ReadOnlySpan<byte> call, uint xid, TimeSpan timeout)
    {
        MessageBuffer.MakeRoom(_socket, server.Kind, call.Length);
        send(_socket, call, MSG_NOSIGNAL).OrThrow("send", server);
        return _buffer.Receive(_socket, 0, out ReadOnlySpan<byte> reply).OrThrow("recv", server) > 0
            ? reply
            : throw new RpcException("the server closed the connection without a reply");
    }

    public override void Dispose() => close(_socket);
}
