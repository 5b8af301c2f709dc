using System.Buffers.Binary;
using Multiplex.Sockets;

namespace Multiplex.Rpc.Binding;

/// <summary>
/// Keeps a server of datagrams from being used to flood others. Whoever sends a datagram with a false address has the reply sent
/// there, so a reply that is far longer than its request makes the sender that much stronger. Here such a reply is SYSTEM_ERR
/// instead, which is shorter than any call; over a stream, where the caller's address is proven, it is sent as it is.
/// </summary>
/// <param name="protocol">An RPC protocol.</param>
/// <param name="multiple">How many times as long as its call a reply over UDP may be.</param>
public sealed class AmplificationGuard(RpcProtocol protocol, int multiple = AmplificationGuard.UsualMultiple) : IProtocol
{
    /// <summary>The usual multiple: enough for whatever a client asks a name service before a call, too little for whole lists.</summary>
    public const int UsualMultiple = 2;

    /// <inheritdoc/>
    public bool AnswersInAnyOrder => protocol.AnswersInAnyOrder;

    /// <inheritdoc/>
    public int Frame(ReadOnlySpan<byte> received, ref FramingProgress progress) => protocol.Frame(received, ref progress);

    /// <inheritdoc/>
    public bool AnswerFrame(ReadOnlySpan<byte> frame, in Peer peer, OutputBuffer reply) => protocol.AnswerFrame(frame, peer, reply);

    /// <inheritdoc/>
    public bool AnswerMessage(ReadOnlySpan<byte> message, in Peer peer, OutputBuffer reply)
    {
        int start = reply.Length;
        bool answered = protocol.AnswerMessage(message, peer, reply);
        if (answered && peer.Kind == EndpointKind.Udp && reply.Length - start > (long)message.Length * multiple)
        {
            reply.Truncate(start);
            ReplyWriter.Accepted(reply, BinaryPrimitives.ReadUInt32BigEndian(message), AcceptStatus.SystemError);
        }

        return answered;
    }
}
