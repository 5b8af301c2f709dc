using Multiplex.Engine;
using Multiplex.Sockets;

namespace Multiplex.Transports;

/// <summary>
/// One connection served to its end by a thread that may wait: read, answer, write, and again. The request body of every
/// model that gives a connection a process or a thread. Its buffers are reused for the next connection.
/// </summary>
internal sealed class BlockingConversation(
    IProtocol protocol, ServerOptions options, ServerCounters counters, HeldMemory.Holder? memory = null)
{
    private readonly HeldMemory.Holder? _memory = memory;
    private readonly ConversationSocket _socket = new(options, counters) { Memory = memory };
    private readonly StreamConversation _stream = new(protocol, options);
    private PacketConversation? _packets;

    /// <summary>Asked now and then, and whenever a signal has interrupted the wait for a request: whether to end the conversation.</summary>
    public Func<bool> IsToEnd { init => _socket = new(options, counters) { IsToEnd = value, Memory = _memory }; }

    /// <summary>Whether the worker is in the middle of a send, for the one who stops it.</summary>
    public bool IsSending => _socket.IsSending;

    /// <summary>Bytes sent so far: whoever stops the worker sees by it whether a send still moves.</summary>
    public long Sent => _socket.Sent;

    /// <summary>Makes beforehand what connections of this kind need.</summary>
    public void Prepare(EndpointKind kind)
    {
        if (!kind.IsStream())
            _packets ??= new(protocol);
    }

    /// <summary>Serves until the peer has finished, the connection fails or the server is stopping, and counts how it ended.</summary>
    public ConversationEnd Serve(int fd, PeerAddress peer)
    {
        EndpointKind kind = peer.Peer.Kind;
        Prepare(kind);
        _socket.Attach(fd);
        ConversationEnd end = kind.IsStream() ? _stream.Converse(_socket, peer) : _packets!.Converse(_socket, peer);
        if (_memory?.Release() == true)
            return ConversationEnd.MemoryLimit;
        if (end == ConversationEnd.Malformed)
            counters.Increment(Counter.ProtocolErrors);
        else if (end == ConversationEnd.IdleTimeout)
            counters.Increment(Counter.IdleTimeouts);
        else if (end == ConversationEnd.RequestTimeout)
            counters.Increment(Counter.RequestTimeouts);
        else if (end == ConversationEnd.Broken)
            counters.Increment(Counter.Broken);
        return end;
    }
}
