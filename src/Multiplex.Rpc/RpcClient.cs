using Multiplex.Interop;
using Multiplex.Rpc.Transports;
using Multiplex.Rpc.Xdr;
using Multiplex.Sockets;

namespace Multiplex.Rpc;

/// <summary>A call came to nothing: the server said so, its reply made no sense, or none came.</summary>
public sealed class RpcException(string message) : IOException(message);

/// <summary>
/// The client's side of ONC RPC, one call at a time: marshals the arguments, sends, waits, unmarshals the results. To its
/// caller it is a function call that may fail. Over datagrams a call is sent again when no reply comes, so that the server
/// may run it more than once.
/// </summary>
public sealed class RpcClient : IDisposable
{
    private readonly RpcTransport _transport;
    private readonly OutputBuffer _call = new();
    private uint _xid = (uint)Random.Shared.Next();

    /// <summary>Connects to a server.</summary>
    /// <param name="server">Where it is: an endpoint of any kind.</param>
    /// <param name="retry">When calls are sent again over datagrams; null is <see cref="RpcRetry.Default"/>.</param>
    /// <exception cref="SyscallException">Such as ECONNREFUSED: nobody listens there.</exception>
    /// <exception cref="IOException">The host is not known.</exception>
    public RpcClient(Endpoint server, RpcRetry? retry = null) => _transport = RpcTransport.Connect(server, retry ?? RpcRetry.Default);

    /// <summary>Calls a procedure of <c>multiplex.x</c> and waits for its results.</summary>
    /// <exception cref="RpcException">The server refused the call, no reply came in time, or the reply cannot be decoded.</exception>
    /// <exception cref="SyscallException">The connection failed, or over UDP: nobody is there.</exception>
    public T Call<T>(MultiplexProcedure procedure, MarshalArguments? arguments, UnmarshalResults<T> results)
    {
        uint xid = ++_xid;
        _call.Clear();
        CallWriter.Message(_call, xid, procedure, arguments);
        XdrReader reader = new(_transport.Exchange(_call.Written, xid));
        if (!ReplyHeader.TryRead(ref reader, out ReplyHeader header) || header.Xid != xid)
            throw new RpcException("the server's reply does not answer the call");
        if (header.Failure is not null)
            throw new RpcException(header.Failure);
        T value = results(ref reader);
        return reader.IsComplete ? value : throw new RpcException("the server's results cannot be decoded");
    }

    /// <summary>Closes the socket.</summary>
    public void Dispose() => _transport.Dispose();
}

/// <summary>When a call is sent again over datagrams, and when it is given up.</summary>
/// <param name="First">How long to wait for a reply before the call is sent again; doubled each time.</param>
/// <param name="Longest">The longest such wait.</param>
/// <param name="Total">How long a call may take in all.</param>
public sealed record RpcRetry(TimeSpan First, TimeSpan Longest, TimeSpan Total)
{
    /// <summary>
    /// Again after 1 second, then 2, 4, 8; given up after 25, as in the stubs of rpcgen(1). The longest wait is that of the C
    /// library (RPC_MAX_BACKOFF).
    /// </summary>
    public static RpcRetry Default { get; } = new(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(25));
}
