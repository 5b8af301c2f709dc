using Multiplex.Interop;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Rpc.Transports;

/// <summary>Whole messages in and out of a socket that keeps their boundaries.</summary>
internal sealed class MessageBuffer
{
    private byte[] _bytes = new byte[4096];

    /// <summary>Refuses a call that is too long for this kind of socket, and has the kernel make room for a long one.</summary>
    public static void MakeRoom(int socket, EndpointKind kind, int length)
    {
        int limit = MessageSize.Limit(kind);
        if (length > limit)
            throw new RpcException($"the call has {length} bytes, and {kind.Prefix()} takes at most {limit} in one message: send less, or use a stream");
        MessageSize.MakeRoom(socket, length);
    }

    /// <summary>Takes one message. What does not fit would be cut off: so its length is asked first, recv(2).</summary>
    /// <param name="socket">From where.</param>
    /// <param name="flags">MSG_DONTWAIT or nothing.</param>
    /// <param name="message">The message, until the next one is taken.</param>
    /// <returns>Its length, or the errno.</returns>
    public SyscallResult Receive(int socket, int flags, out ReadOnlySpan<byte> message)
    {
        message = default;
        SyscallResult result = recv(socket, [], flags | MSG_PEEK | MSG_TRUNC);
        if (result.IsError)
            return result;
        if (result.Value > _bytes.Length)
            _bytes = new byte[result.Value];
        result = recv(socket, _bytes, flags);
        message = result.IsError ? default : _bytes.AsSpan(0, (int)result.Value);
        return result;
    }
}
