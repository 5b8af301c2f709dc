using Multiplex.Interop;
using Multiplex.Rpc.Transports;
using Multiplex.Rpc.Xdr;
using Multiplex.Sockets;

namespace Multiplex.Rpc;

/// <summary>A call came to nothing: the server said so, its reply made no sense, or none came.</summary>
public class RpcException(string message, Exception? inner = null) : IOException(message, inner);

/// <summary>
/// The client's side of ONC RPC: marshals the arguments, sends, waits, unmarshals the results. To its caller it is a
/// function call that may fail. Over datagrams a call is sent again when no reply comes, so that the server may run it more than
/// once.
/// </summary>
public sealed class RpcClient : IDisposable
{
    private readonly RpcClientOptions _options;
    private readonly RpcTransport _transport;
    private readonly OutputBuffer _call = new();
    private readonly Lock _gate = new();
    private uint _xid = (uint)Random.Shared.Next();

    /// <summary>Connects to a server.</summary>
    /// <param name="server">Where it is: an endpoint of any kind.</param>
    /// <param name="options">Null is <see cref="RpcClientOptions.Default"/>.</param>
    /// <exception cref="SyscallException">Such as ECONNREFUSED: nobody listens there.</exception>
    /// <exception cref="IOException">The host is not known.</exception>
    public RpcClient(Endpoint server, RpcClientOptions? options = null)
    {
        _options = options ?? RpcClientOptions.Default;
        _transport = RpcTransport.Connect(server, _options);
    }

    /// <summary>Calls a procedure and waits for its results.</summary>
    /// <param name="procedure">The procedure.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="marshal">Writes them.</param>
    /// <param name="unmarshal">Reads the results.</param>
    /// <param name="options">What is different for this call; may be null.</param>
    /// <exception cref="RpcException">The server refused the call, no reply came in time, or the reply cannot be decoded.</exception>
    /// <exception cref="SyscallException">The connection failed, or over UDP: nobody is there.</exception>
    public T Call<TArguments, T>(
        RpcProcedure procedure, TArguments arguments, XdrMarshal<TArguments> marshal, XdrUnmarshal<T> unmarshal, RpcCallOptions? options = null)
        where TArguments : allows ref struct
    {
        lock (_gate)
        {
            uint xid = ++_xid;
            _call.Clear();
            marshal(CallWriter.Head(_call, xid, procedure.Program, procedure.Version, procedure.Number), arguments);
            XdrReader reader = new(_transport.Exchange(_call.Written, xid, options?.Timeout ?? _options.Timeout));
            if (!ReplyHeader.TryRead(ref reader, out ReplyHeader header) || header.Xid != xid)
                throw new RpcException("the server's reply does not answer the call");
            if (header.Failure is not null)
                throw new RpcException(header.Failure);
            T value = unmarshal(ref reader);
            return reader.IsComplete ? value : throw new RpcException("the server's results cannot be decoded");
        }
    }

    /// <summary>Calls a procedure. The arguments are marshalled before this returns.</summary>
    /// <param name="procedure">The procedure.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="marshal">Writes them.</param>
    /// <param name="unmarshal">Reads the results.</param>
    /// <param name="options">What is different for this call; may be null.</param>
    /// <param name="cancellation">Gives the call up; whether the server runs it is not known then.</param>
    public ValueTask<T> CallAsync<TArguments, T>(
        RpcProcedure procedure,
        TArguments arguments,
        XdrMarshal<TArguments> marshal,
        XdrUnmarshal<T> unmarshal,
        RpcCallOptions? options = null,
        CancellationToken cancellation = default)
        where TArguments : allows ref struct
    {
        if (cancellation.IsCancellationRequested)
            return ValueTask.FromCanceled<T>(cancellation);
        try
        {
            return new(Call(procedure, arguments, marshal, unmarshal, options));
        }
        catch (Exception e) when (e is IOException)
        {
            return ValueTask.FromException<T>(e);
        }
    }

    /// <summary>Closes the socket.</summary>
    public void Dispose() => _transport.Dispose();
}
