using Multiplex.Interop;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Rpc.Client;

/// <summary>How calls and replies travel over a socket: what differs between the kinds of it. Nothing here waits.</summary>
internal abstract class Transport(Endpoint server)
{
    /// <summary>The transport for this kind of socket.</summary>
    /// <param name="server">The server's endpoint.</param>
    /// <param name="maxReply">The longest reply in bytes.</param>
    public static Transport For(Endpoint server, int maxReply) =>
        server.Kind.IsStream() ? new StreamTransport(server, maxReply) : new MessageTransport(server, maxReply);

    /// <summary>Sends some of these records, on whole ones where the socket keeps the boundaries of messages.</summary>
    /// <returns>How many of the bytes are done with, or the errno.</returns>
    public abstract SyscallResult Send(int socket, ReadOnlySpan<byte> records);

    /// <summary>Receives what is there, and hands each reply on.</summary>
    /// <returns>
    /// Why there will be no more: an <see cref="RpcConnectionException"/> when the connection has ended, an
    /// <see cref="RpcBadReplyException"/> when what came makes no sense; null while the connection holds.
    /// </returns>
    public abstract RpcException? Receive(int socket, ReplyHandler deliver);

    /// <summary>Forgets half a reply: it was for a connection that is gone.</summary>
    public abstract void Reset();

    /// <summary>Refuses a call that is too long for this kind of socket, and has the kernel make room for a long one.</summary>
    public virtual void MakeRoom(int socket, int length)
    {
    }

    private protected RpcConnectionException Failed(SyscallResult result)
    {
        SyscallException failure = AddressProblem.Of("call", result.Errno, server);
        return new(failure.Message, failure);
    }

    private protected static RpcConnectionException Closed(bool midReply) => new(
        midReply ? "the server closed the connection in the middle of a reply" : "the server closed the connection without a reply");

    private protected static bool IsNothingThere(SyscallResult result) => result.Is(EAGAIN);
}

/// <summary>Takes one reply's message, which stands only until this returns.</summary>
internal delegate void ReplyHandler(ReadOnlySpan<byte> message);
