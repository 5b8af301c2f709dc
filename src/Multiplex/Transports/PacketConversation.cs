using Multiplex.Engine;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Transports;

/// <summary>
/// A blocking conversation over SOCK_SEQPACKET, unix(7): a connection that keeps the boundaries of messages. One read is
/// one request, and each reply is one message.
/// </summary>
internal sealed class PacketConversation(IProtocol protocol)
{
    private readonly OutputBuffer _reply = new();

    // What is not used of it is no memory, only addresses; but what was used stays. So it is lent for a connection.
    private byte[] _message = [];

    /// <summary>Serves until the conversation is over. An empty message is, to recv(2), the same as the end.</summary>
    public ConversationEnd Converse(ConversationSocket socket, PeerAddress peer)
    {
        _message = LargeArrays.Pool.Rent(MessageSize.LongestTaken);
        ConversationEnd end = ReadAndAnswer(socket, peer);
        LargeArrays.Pool.Return(_message);
        _reply.Clear(OutputBuffer.UsuallyKept);
        return end;
    }

    private ConversationEnd ReadAndAnswer(ConversationSocket socket, PeerAddress peer)
    {
        while (true)
        {
            // With MSG_TRUNC the kernel tells the whole length, of a message that it had to cut too.
            int length = socket.Receive(_message, MSG_TRUNC, isInRequest: false, out ConversationEnd end);
            if (length == 0)
                return end;
            _reply.Clear(OutputBuffer.UsuallyKept);
            if (length > _message.Length || !protocol.AnswerMessage(_message.AsSpan(0, length), peer.Peer, _reply))
                return ConversationEnd.Malformed;
            if (socket.Send(_reply.Written) is not ConversationEnd.Finished and var failure)
                return failure;
        }
    }
}
