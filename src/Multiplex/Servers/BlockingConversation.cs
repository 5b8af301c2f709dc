using Multiplex.Interop;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Servers;

/// <summary>How a conversation ended.</summary>
internal enum ConversationEnd
{
    /// <summary>The peer sent all it had to send, and got every reply; or the server is stopping.</summary>
    Finished,

    /// <summary>The bytes were no request.</summary>
    Malformed,

    /// <summary>The peer was silent too long.</summary>
    IdleTimeout,

    /// <summary>The connection broke.</summary>
    Broken,
}

/// <summary>
/// One connection served to its end by a thread that may wait: read, answer, write, and again. The request body of every
/// model that gives a connection a process or a thread. Its buffers are reused for the next connection.
/// </summary>
internal sealed class BlockingConversation(IProtocol protocol, ServerOptions options, ServerCounters counters)
{
    private const int InitialInput = 64 * 1024;
    private const int KeptReplyBuffer = 2 * 1024 * 1024;
    private const int LastReads = 16;   // of a peer that goes on sending while the server stops

    private readonly OutputBuffer _replies = new();
    private byte[] _input = GC.AllocateUninitializedArray<byte>(InitialInput);

    /// <summary>Asked when a signal has interrupted the wait for a request: whether to end the conversation.</summary>
    public Func<bool> EndsOnInterrupt { get; init; } = static () => false;

    /// <summary>Whether the worker is in the middle of a send, for the one who stops it.</summary>
    public bool IsSending { get; private set; }

    /// <summary>Bytes sent so far: whoever stops the worker sees by it whether a send still moves.</summary>
    public long Sent { get; private set; }

    /// <summary>Serves until the peer has finished, the connection fails or the server is stopping, and counts how it ended.</summary>
    public ConversationEnd Serve(int fd, PeerAddress peer)
    {
        SetTimeouts(fd);
        ConversationEnd end = Converse(fd, peer);
        if (end == ConversationEnd.Finished && counters[Counter.Stopping] != 0)
            Delivery.Await(fd, peer.Peer.Kind, options);
        if (_input.Length > InitialInput)
            _input = GC.AllocateUninitializedArray<byte>(InitialInput);
        _replies.Clear(KeptReplyBuffer);
        if (end == ConversationEnd.Malformed)
            counters.Increment(Counter.ProtocolErrors);
        else if (end == ConversationEnd.IdleTimeout)
            counters.Increment(Counter.IdleTimeouts);
        else if (end == ConversationEnd.Broken)
            counters.Increment(Counter.Broken);
        return end;
    }

    private ConversationEnd Converse(int fd, PeerAddress peer)
    {
        FramingProgress framing = default;
        int length = 0;
        int lastReads = LastReads;
        while (true)
        {
            if (length == _input.Length)
                Array.Resize(ref _input, 2 * length);   // follows the bytes that came, not the length that was declared

            // Once the server is stopping, what has arrived is answered, but nothing is waited for.
            bool stopping = counters[Counter.Stopping] != 0;
            if (stopping && lastReads-- == 0)
                return ConversationEnd.Finished;
            SyscallResult result = recv_once(fd, _input.AsSpan(length), stopping ? MSG_DONTWAIT : 0);
            if (result.Value <= 0)
            {
                if (result.Is(EINTR) && !EndsOnInterrupt())
                    continue;
                return result.Is(EINTR) || result.Value == 0 || (stopping && result.Is(EAGAIN)) ? ConversationEnd.Finished
                    : result.Is(EAGAIN) ? ConversationEnd.IdleTimeout
                    : ConversationEnd.Broken;
            }

            length += (int)result.Value;
            int start = 0;
            PumpStop stop;
            do
            {
                stop = RequestPump.Consume(
                    protocol,
                    _input.AsSpan(start, length - start),
                    ref framing,
                    peer.Peer,
                    _replies,
                    options.MaxPendingOutput,
                    out int consumed);
                start += consumed;
                if (Send(fd, _replies.Written) is not ConversationEnd.Finished and var failure)
                    return failure;
                _replies.Clear(KeptReplyBuffer);
            }
            while (stop == PumpStop.OutputFull);

            if (stop == PumpStop.Malformed)
                return ConversationEnd.Malformed;
            length -= start;
            if (length > 0 && start > 0)
                _input.AsSpan(start, length).CopyTo(_input);
        }
    }

    private ConversationEnd Send(int fd, ReadOnlySpan<byte> replies)
    {
        // No try/finally around the calls: within one, the compiler calls libc through a stub instead of directly.
        IsSending = true;
        ConversationEnd end = SendAll(fd, replies);
        IsSending = false;
        return end;
    }

    private ConversationEnd SendAll(int fd, ReadOnlySpan<byte> replies)
    {
        long interrupted = 0;
        while (!replies.IsEmpty)
        {
            SyscallResult result = send_once(fd, replies, MSG_NOSIGNAL);
            if (!result.IsError)
            {
                interrupted = 0;
                Sent += result.Value;
                replies = replies[(int)result.Value..];
                continue;
            }

            if (!result.Is(EINTR))
                return result.Is(EAGAIN) ? ConversationEnd.IdleTimeout : ConversationEnd.Broken;

            // The stop signal comes again and again: a peer that takes nothing in between is given up.
            if (interrupted == 0)
                interrupted = Environment.TickCount64;
            else if (counters[Counter.Stopping] != 0 && Environment.TickCount64 - interrupted > options.DrainStall.TotalMilliseconds)
                return ConversationEnd.Broken;
        }

        return ConversationEnd.Finished;
    }

    // Silence is limited by the kernel: a read or a write that waits longer returns EAGAIN, socket(7).
    private void SetTimeouts(int fd)
    {
        if (options.IdleTimeout <= TimeSpan.Zero)
            return;
        timeval limit = new()
        {
            tv_sec = (long)options.IdleTimeout.TotalSeconds,
            tv_usec = Math.Max(1, options.IdleTimeout.Ticks % TimeSpan.TicksPerSecond / TimeSpan.TicksPerMicrosecond),
        };
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, limit);
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, limit);
    }
}
