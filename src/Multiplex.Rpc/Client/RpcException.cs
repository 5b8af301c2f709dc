namespace Multiplex.Rpc;

/// <summary>A call came to nothing: the server said so, its reply made no sense, or none came.</summary>
public class RpcException(string message, Exception? inner = null) : IOException(message, inner);

/// <summary>No reply came in time. Whether the server has run the call, or will, is not known, unless it was not sent.</summary>
public sealed class RpcTimeoutException(string message) : RpcException(message)
{
    /// <summary>Whether any of the call was given to the kernel. If not, it never will be, and the server has not run it.</summary>
    public bool WasSent { get; init; } = true;
}

/// <summary>
/// The connection broke and the call may not be repeated, or no new connection could be made; over datagrams: nobody is there.
/// Unless the message says otherwise, whether the server has run the call is not known.
/// </summary>
public sealed class RpcConnectionException(string message, Exception? inner = null) : RpcException(message, inner);

/// <summary>What the server sent is no reply, or its results cannot be decoded.</summary>
public sealed class RpcBadReplyException(string message) : RpcException(message);
