namespace Multiplex.Protocols;

/// <summary>The Echo Protocol, RFC 862: every byte comes back.</summary>
public sealed class EchoProtocol : IProtocol
{
    /// <inheritdoc/>
    public int Frame(ReadOnlySpan<byte> received, ref FramingProgress progress) => received.Length;

    /// <inheritdoc/>
    public bool AnswerFrame(ReadOnlySpan<byte> frame, in Peer peer, OutputBuffer reply) => AnswerMessage(frame, peer, reply);

    /// <inheritdoc/>
    public bool AnswerMessage(ReadOnlySpan<byte> message, in Peer peer, OutputBuffer reply)
    {
        reply.Write(message);
        return true;
    }
}
