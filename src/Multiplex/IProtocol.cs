using Multiplex.Tls;

namespace Multiplex;

/// <summary>
/// What the bytes mean. No I/O, no waiting on sockets, no allocation per call. One instance serves all connections of
/// all threads, so it keeps nothing between calls but what is made to be shared.
/// </summary>
/// <remarks>
/// Finding where a request ends (<see cref="Frame"/>) is apart from answering it, so that a model may do the two in
/// different places. Most models do both at once: see <see cref="Engine.RequestReader"/>.
/// </remarks>
public interface IProtocol
{
    /// <summary>In which order the replies of one connection leave. Models whose workers answer run several of its requests at a time in either case.</summary>
    ReplyOrder ReplyOrder => ReplyOrder.Calls;

    /// <summary>The server's side of TLS, for connections whose clients ask for it within the protocol; null where there is none. Known once <see cref="Open"/> was called.</summary>
    TlsContext? Tls => null;

    /// <summary>
    /// Whether some replies come later than the protocol returns: it leaves them in <see cref="OutputBuffer.Late"/>. What completes them are threads, which a
    /// forked process does not have: models that fork refuse such a protocol.
    /// </summary>
    bool AnswersLate => false;

    /// <summary>
    /// Called when a <see cref="Service"/> is made of it, so before its first request and before the server
    /// forks: here it makes what all threads and processes share.
    /// </summary>
    /// <param name="counters">Where to count.</param>
    void Open(ServerCounters counters)
    {
    }

    /// <summary>Stream sockets: finds the end of the first request in what has been received.</summary>
    /// <param name="received">All that has been received and not yet consumed, not empty.</param>
    /// <param name="progress">How far earlier calls on the same bytes got, so that nothing is scanned twice.</param>
    /// <returns>The length in bytes of the first whole request; <see cref="FrameResult.Incomplete"/> when its end is not there yet;
    /// <see cref="FrameResult.Malformed"/> when these bytes can never become a request, and the connection is to be closed.</returns>
    int Frame(ReadOnlySpan<byte> received, ref FramingProgress progress);

    /// <summary>
    /// Stream sockets: whether to answer this framed request is known to take no longer than a few microseconds. The replies to such requests
    /// that came together leave together; before any other, what is ready is sent, so that no reply waits for a long call behind it.
    /// </summary>
    bool IsFrameQuick(ReadOnlySpan<byte> frame) => false;

    /// <summary>Datagram and seqpacket sockets: the same.</summary>
    bool IsMessageQuick(ReadOnlySpan<byte> message) => false;

    /// <summary>Stream sockets: appends the reply to one framed request; nothing when it deserves none.</summary>
    /// <returns>False when there can be no reply and the connection is to be closed.</returns>
    bool AnswerFrame(ReadOnlySpan<byte> frame, in Peer peer, OutputBuffer reply);

    /// <summary>
    /// Stream sockets: <see cref="IsFrameQuick"/> and <see cref="AnswerFrame"/> in one, as <see cref="Engine.RequestReader"/> asks for each request. To be implemented
    /// by a protocol that has to look for the same thing in both.
    /// </summary>
    /// <param name="frame">The request.</param>
    /// <param name="peer">The client.</param>
    /// <param name="reply">Receives the reply.</param>
    /// <param name="ifQuick">Whether a request that may take long is left alone.</param>
    FrameAnswer AnswerInBatch(ReadOnlySpan<byte> frame, in Peer peer, OutputBuffer reply, bool ifQuick)
    {
        bool isQuick = IsFrameQuick(frame);
        if (ifQuick && !isQuick)
            return FrameAnswer.Left;
        if (!AnswerFrame(frame, peer, reply))
            return FrameAnswer.Malformed;
        if (reply.Late is not null)
            return FrameAnswer.Later;
        return isQuick ? FrameAnswer.Quick : FrameAnswer.Long;
    }

    /// <summary>
    /// Stream sockets, where there is <see cref="Tls"/>: whether this framed request asks for it, so that workers do not answer it beside others.
    /// </summary>
    bool AsksForTls(ReadOnlySpan<byte> frame) => false;

    /// <summary>Datagram and seqpacket sockets: appends the reply to exactly one request; nothing when it deserves none.</summary>
    /// <returns>False when the message was no request of this protocol.</returns>
    bool AnswerMessage(ReadOnlySpan<byte> message, in Peer peer, OutputBuffer reply);
}

/// <summary>In which order the replies of one connection leave.</summary>
public enum ReplyOrder
{
    /// <summary>In the order of the calls.</summary>
    Calls,

    /// <summary>Each as soon as it is ready, because it says which call it answers: a call that takes long does not hold up the replies behind it.</summary>
    Any,
}

/// <summary>What became of a framed request.</summary>
public enum FrameAnswer
{
    /// <summary>It was answered, and known to take no longer than a few microseconds.</summary>
    Quick,

    /// <summary>It was answered, and may have taken long.</summary>
    Long,

    /// <summary>It may take long, and was left alone.</summary>
    Left,

    /// <summary>There can be no reply, and the connection is to be closed.</summary>
    Malformed,

    /// <summary>The reply comes later: see <see cref="OutputBuffer.Late"/>.</summary>
    Later,

    /// <summary>It was answered, and what the client sends from now on is TLS, and so is what it gets behind this reply: see <see cref="IProtocol.Tls"/>.</summary>
    StartTls,
}
