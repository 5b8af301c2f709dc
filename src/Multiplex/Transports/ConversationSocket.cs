using Multiplex.Engine;
using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Transports;

/// <summary>How a conversation ended.</summary>
internal enum ConversationEnd
{
    /// <summary>The peer sent all it had to send, and got every reply; or the server is stopping.</summary>
    Finished,

    /// <summary>The bytes were no request.</summary>
    Malformed,

    /// <summary>The peer was silent too long.</summary>
    IdleTimeout,

    /// <summary>A request took too long to arrive.</summary>
    RequestTimeout,

    /// <summary>The connection broke.</summary>
    Broken,

    /// <summary>All connections together owned too much memory, and this one most.</summary>
    MemoryLimit,
}

/// <summary>
/// The waits of a blocking conversation: a read that ends when the peer is silent too long or the server is stopping, and
/// a write that ends when nothing moves. The same on a stream and on a socket that keeps the boundaries of messages.
/// </summary>
internal sealed class ConversationSocket(ServerOptions options, ServerCounters counters)
{
    /// <summary>How long a wait may be of one that a signal tells what to do.</summary>
    public static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(1);

    private const int NotAsked = -1;
    private const int LooksAtRequest = 4;   // while it may take to arrive: so much more it gets at most

    private readonly TimeSpan _longestWait = Shortest(options.IdleTimeout, options.RequestTimeout / LooksAtRequest);
    private int _fd;
    private int _arrivedUnread;
    private long _lookedAt;
    private long _requestSince;

    /// <summary>
    /// Asked now and then, and whenever a signal has interrupted the wait for a request: whether this conversation is to
    /// end as if the server were stopping.
    /// </summary>
    public Func<bool> IsToEnd
    {
        get;
        init
        {
            field = value;

            // The signal that tells it may come between the look and the wait, and then interrupts nothing.
            _longestWait = Shortest(_longestWait, LookAgain);
        }
    } = static () => false;

    /// <summary>Whether the worker is in the middle of a send, for the one who stops it.</summary>
    public bool IsSending { get; private set; }

    /// <summary>Bytes sent so far: whoever stops the worker sees by it whether a send still moves.</summary>
    public long Sent { get; private set; }

    /// <summary>Turns to the next connection.</summary>
    public void Attach(int fd)
    {
        _fd = fd;
        _arrivedUnread = NotAsked;
        _lookedAt = 0;
        _requestSince = 0;

        // Silence is limited by the kernel: a read or a write that waits longer returns EAGAIN, socket(7).
        if (_longestWait > TimeSpan.Zero)
            setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, timeval.Of(_longestWait));
        if (options.IdleTimeout > TimeSpan.Zero)
            setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, timeval.Of(options.IdleTimeout));
    }

    /// <summary>Waits for what comes next. Once the server is stopping, takes what had arrived, and waits for nothing.</summary>
    /// <param name="buffer">Where to receive to.</param>
    /// <param name="flags">Those of recv(2).</param>
    /// <param name="isInRequest">Whether the beginning of a request has been received, and its end is awaited.</param>
    /// <param name="end">How the conversation is over.</param>
    /// <returns>What recv(2) returned, more than 0; or 0, when the conversation is over.</returns>
    public int Receive(Span<byte> buffer, int flags, bool isInRequest, out ConversationEnd end)
    {
        end = ConversationEnd.Finished;
        long silentSince = Environment.TickCount64;
        if (!isInRequest)
            _requestSince = 0;
        else if (_requestSince == 0)
            _requestSince = silentSince;
        while (true)
        {
            bool last = counters[Counter.Stopping] != 0 || LooksAsToldToEnd();
            if (last && !AwaitsWhatHadArrived())
                return 0;
            if (!last && IsRequestLate())
            {
                end = ConversationEnd.RequestTimeout;
                return 0;
            }

            SyscallResult result = recv_once(_fd, buffer, last ? flags | MSG_DONTWAIT : flags);
            if (result.Value > 0)
            {
                if (last)
                    _arrivedUnread = Math.Max(0, _arrivedUnread - (int)result.Value);
                if (result.Value == buffer.Length)
                    _requestSince = 0;   // more may be there: it is not the peer that takes its time
                return (int)result.Value;
            }

            if (result.Is(EINTR) || (result.Is(EAGAIN) && !last && !IsIdleSince(silentSince)))
            {
                _lookedAt = 0;
                continue;
            }

            if (result.Is(EAGAIN))
                end = last ? ConversationEnd.Finished : ConversationEnd.IdleTimeout;
            else if (result.IsError)
                end = ConversationEnd.Broken;
            return 0;
        }
    }

    /// <summary>What the connection holds is counted here; null where nothing is.</summary>
    public HeldMemory.Holder? Memory { get; init; }

    /// <summary>A request has come in full; what follows is another.</summary>
    public void EndRequest() => _requestSince = 0;

    /// <summary>Whether the peer is gone, so that its other requests need no answer.</summary>
    public bool HasFailed() => SocketState.HasFailed(_fd);

    /// <summary>Sends all of it.</summary>
    public ConversationEnd Send(ReadOnlySpan<byte> replies)
    {
        if (replies.Length > HeldMemory.Uncounted && Memory?.TryHold(replies.Length) == false)
            return ConversationEnd.MemoryLimit;

        // No try/finally around the calls: within one, the compiler calls libc through a stub instead of directly.
        IsSending = true;
        ConversationEnd end = SendAll(replies);
        IsSending = false;
        return end;
    }

    private ConversationEnd SendAll(ReadOnlySpan<byte> replies)
    {
        long interrupted = 0;
        while (!replies.IsEmpty)
        {
            SyscallResult result = send_once(_fd, replies, MSG_NOSIGNAL);
            if (!result.IsError)
            {
                interrupted = 0;
                Sent += result.Value;
                replies = replies[(int)result.Value..];
                continue;
            }

            if (!result.Is(EINTR))
                return result.Is(EAGAIN) ? ConversationEnd.IdleTimeout : ConversationEnd.Broken;

            if (Memory?.IsEvicted == true)
                return ConversationEnd.MemoryLimit;

            // The stop signal comes again and again: a peer that takes nothing in between is given up.
            if (interrupted == 0)
                interrupted = Environment.TickCount64;
            else if (counters[Counter.Stopping] != 0 && Environment.TickCount64 - interrupted > options.DrainStall.TotalMilliseconds)
                return ConversationEnd.Broken;
        }

        return ConversationEnd.Finished;
    }

    private static TimeSpan Shortest(TimeSpan one, TimeSpan other) =>
        one <= TimeSpan.Zero || (other > TimeSpan.Zero && other < one) ? other : one;

    // How much that is, is asked when it is first looked at: a peer that goes on sending does not keep the server from stopping.
    private bool AwaitsWhatHadArrived()
    {
        if (_arrivedUnread == NotAsked)
            _arrivedUnread = SocketState.UnreadBytes(_fd);
        return _arrivedUnread > 0;
    }

    private bool IsRequestLate() =>
        _requestSince != 0 && options.RequestTimeout > TimeSpan.Zero
        && Environment.TickCount64 - _requestSince >= (long)options.RequestTimeout.TotalMilliseconds;

    // Where a wait lasts as long as silence may, the kernel has measured it, and better than the clock's ticks would.
    private bool IsIdleSince(long milliseconds) =>
        options.IdleTimeout > TimeSpan.Zero
        && (_longestWait >= options.IdleTimeout || Environment.TickCount64 - milliseconds >= (long)options.IdleTimeout.TotalMilliseconds);

    // A signal that comes while a call is being answered interrupts no read. To ask costs a system call, so it is asked once
    // in each tick of the clock, not before each of a hundred thousand reads a second.
    private bool LooksAsToldToEnd()
    {
        long now = Environment.TickCount64;
        if (now == _lookedAt)
            return false;
        _lookedAt = now;
        return IsToEnd() || Memory?.IsEvicted == true;
    }
}
