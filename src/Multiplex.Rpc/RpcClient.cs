using Multiplex.Interop;
using Multiplex.Rpc.Xdr;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Rpc;

/// <summary>A call came to nothing: the server said so, or its reply made no sense.</summary>
public sealed class RpcException(string message) : IOException(message);

/// <summary>
/// The client's side of ONC RPC over a stream socket, one call at a time: marshals the arguments, sends, waits,
/// unmarshals the results. To its caller it is a function call that may fail.
/// </summary>
public sealed class RpcClient : IDisposable
{
    private readonly Endpoint _server;
    private readonly int _socket;
    private readonly OutputBuffer _request = new();
    private byte[] _reply = new byte[4096];
    private int _received;
    private uint _xid = (uint)Random.Shared.Next();

    /// <summary>Connects to a server.</summary>
    /// <exception cref="SyscallException">Such as ECONNREFUSED: nobody listens there.</exception>
    /// <exception cref="IOException">The host is not known.</exception>
    public RpcClient(Endpoint server)
    {
        _server = server;
        _socket = Connector.Connect(server);
    }

    /// <summary>Calls a procedure of <c>multiplex.x</c> and waits for its results.</summary>
    /// <exception cref="RpcException">The server refused the call, or its reply cannot be decoded.</exception>
    /// <exception cref="SyscallException">The connection failed.</exception>
    public T Call<T>(MultiplexProcedure procedure, MarshalArguments? arguments, UnmarshalResults<T> results)
    {
        uint xid = ++_xid;
        _request.Clear();
        CallWriter.Record(_request, xid, procedure, arguments);
        for (ReadOnlySpan<byte> rest = _request.Written; !rest.IsEmpty;)
            rest = rest[send(_socket, rest, MSG_NOSIGNAL).OrThrow("send", _server.ToString())..];

        int length = AwaitRecord();
        byte[] message = new byte[length];
        XdrReader reader = new(message.AsSpan(0, RecordMarking.Reassemble(_reply.AsSpan(0, length), message)));
        _received -= length;
        _reply.AsSpan(length, _received).CopyTo(_reply);
        if (!ReplyHeader.TryRead(ref reader, out ReplyHeader header) || header.Xid != xid)
            throw new RpcException("the server's reply does not answer the call");
        if (header.Failure is not null)
            throw new RpcException(header.Failure);
        T value = results(ref reader);
        return reader.IsComplete ? value : throw new RpcException("the server's results cannot be decoded");
    }

    /// <summary>Closes the connection.</summary>
    public void Dispose() => close(_socket);

    private int AwaitRecord()
    {
        FramingProgress progress = default;
        while (true)
        {
            int length = _received == 0
                ? FrameResult.Incomplete
                : RecordMarking.Frame(_reply.AsSpan(0, _received), ref progress, MultiplexProgram.MaxPayload + 1024);
            if (length > 0)
                return length;
            if (length == FrameResult.Malformed)
                throw new RpcException("the server's reply is no RPC record");
            if (_received == _reply.Length)
                Array.Resize(ref _reply, 2 * _received);
            int count = recv(_socket, _reply.AsSpan(_received), 0).OrThrow("recv", _server.ToString());
            if (count == 0)
                throw new RpcException("the server closed the connection without a reply");
            _received += count;
        }
    }
}
