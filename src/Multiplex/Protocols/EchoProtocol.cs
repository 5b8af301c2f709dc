using Multiplex.Sockets;

namespace Multiplex.Protocols;

/// <summary>
/// The Echo Protocol, RFC 862: every byte comes back. Over UDP not to sources that would echo it themselves: see <see cref="EchoOptions"/>.
/// </summary>
/// <param name="options">Which datagrams are answered; null for the usual bounds.</param>
public sealed class EchoProtocol(EchoOptions? options = null) : IProtocol, IDisposable
{
    private EchoGuard? _guard;

    /// <summary>Makes what is remembered of UDP sources, for all threads and processes of the server.</summary>
    /// <exception cref="Interop.SyscallException">The memory was refused.</exception>
    public void Open(ServerCounters counters)
    {
        _guard ??= new(options ?? new());
        _guard.Counters = counters;
    }

    /// <summary>Gives that memory back. No server may use the protocol afterwards.</summary>
    public void Dispose() => _guard?.Dispose();

    /// <inheritdoc/>
    public int Frame(ReadOnlySpan<byte> received, ref FramingProgress progress) => received.Length;

    /// <inheritdoc/>
    public bool IsFrameQuick(ReadOnlySpan<byte> frame) => true;

    /// <inheritdoc/>
    public bool IsMessageQuick(ReadOnlySpan<byte> message) => true;

    /// <inheritdoc/>
    public bool AnswerFrame(ReadOnlySpan<byte> frame, in Peer peer, OutputBuffer reply)
    {
        reply.Write(frame);
        return true;
    }

    /// <inheritdoc/>
    public FrameAnswer AnswerInBatch(ReadOnlySpan<byte> frame, in Peer peer, OutputBuffer reply, bool ifQuick)
    {
        reply.Write(frame);
        return FrameAnswer.Quick;
    }

    /// <inheritdoc/>
    public bool AnswerMessage(ReadOnlySpan<byte> message, in Peer peer, OutputBuffer reply)
    {
        if (peer.Kind != EndpointKind.Udp || _guard is null || _guard.Allows(message, peer))
            reply.Write(message);
        return true;
    }
}
