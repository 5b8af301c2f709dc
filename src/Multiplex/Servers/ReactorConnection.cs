using System.Buffers;
using Multiplex.Interop;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Servers;

/// <summary>What the connections of one reactor have in common, lent to each while it is at work.</summary>
/// <param name="Protocol">What the bytes mean.</param>
/// <param name="Options">The limits.</param>
/// <param name="Counters">Where events are counted.</param>
/// <param name="Limit">Ends a batch when the server is to stop.</param>
internal sealed record ReactorLoan(IProtocol Protocol, ServerOptions Options, ServerCounters Counters, BatchLimit Limit)
{
    /// <summary>One read buffer for all: most requests come whole, and are gone from it before the next read.</summary>
    public byte[] ReadBuffer { get; } = GC.AllocateUninitializedArray<byte>(64 * 1024);

    /// <summary>The replies of one batch, before they are sent.</summary>
    public OutputBuffer Replies { get; } = new();

    /// <summary>Milliseconds, as of the last wake-up.</summary>
    public long Now { get; set; }
}

/// <summary>
/// One connection of a reactor: reads what is there, has the whole requests answered, sends the replies with one call,
/// and never waits. It owns memory only while it holds half a request, or replies that its peer has not taken.
/// </summary>
internal sealed class ReactorConnection(int descriptor, PeerAddress peer)
{
    private const int KeptReplyBuffer = 2 * 1024 * 1024;   // the longest reply of the protocol fits
    private const int LeastRoom = 16 * 1024;               // to read into behind a long request

    private byte[] _input = [];      // received and not yet consumed
    private int _inputLength;
    private byte[] _unsent = [];     // replies that the kernel did not take yet
    private int _unsentStart;
    private int _unsentEnd;
    private FramingProgress _framing;
    private bool _requestsWait;      // whole requests may stand in _input: replies were too many, or there was no time
    private bool _inputEnded;        // the peer has shut down its side, or the reactor is draining
    private bool _closing;           // a protocol error: close once the replies before it are sent

    /// <summary>The socket.</summary>
    public int Descriptor { get; } = descriptor;

    /// <summary>The kind of the socket.</summary>
    public EndpointKind Kind => peer.Peer.Kind;

    /// <summary>What the multiplexer watches for; the reactor keeps it equal to <see cref="Wanted"/>.</summary>
    public Interest Watched { get; set; } = Interest.Readable;

    /// <summary>When bytes last moved, in milliseconds.</summary>
    public long LastMoved { get; set; }

    /// <summary>Bytes of replies that the peer has not taken.</summary>
    public int Owed => _unsentEnd - _unsentStart;

    /// <summary>Nothing left to read, nothing left to send.</summary>
    public bool IsDone => Owed == 0 && (_closing || (_inputEnded && !_requestsWait));

    /// <summary>What to watch for now. Backpressure: who does not take replies is not read from.</summary>
    public Interest Wanted(ServerOptions options) =>
        (_inputEnded || _closing || IsThrottled(options) ? Interest.None : Interest.Readable)
        | (Owed > 0 ? Interest.Writable : Interest.None);

    private bool IsThrottled(ServerOptions options) => _requestsWait || Owed > options.MaxPendingOutput;

    /// <summary>Does what can be done without waiting.</summary>
    /// <returns>False when the connection is broken.</returns>
    public bool OnReady(Interest ready, ReactorLoan loan)
    {
        if ((ready & Interest.Writable) != 0 && Owed > 0)
        {
            if (!SendOwed(loan))
                return false;
            if (!AnswerWaiting(loan))
                return false;
        }

        bool mayRead = (Wanted(loan.Options) & Interest.Readable) != 0;
        return (ready & Interest.Readable) == 0 || !mayRead || Receive(loan);
    }

    /// <summary>The server is stopping: answers what has arrived already, and reads no more afterwards.</summary>
    /// <returns>False when the connection is broken.</returns>
    public bool Drain(ReactorLoan loan)
    {
        if (!AnswerWaiting(loan))
            return false;

        // Bounded: a peer that never stops sending does not keep the server from stopping.
        for (int reads = 0; reads < 16 && (Wanted(loan.Options) & Interest.Readable) != 0; reads++)
        {
            if (!Receive(loan, out bool nothingThere))
                return false;
            if (nothingThere)
                break;
        }

        _inputEnded = true;
        return true;
    }

    /// <summary>Gives back what memory the connection owns. The caller closes the socket.</summary>
    public void Release()
    {
        SetInput(default);
        ReturnUnsent();
    }

    private bool Receive(ReactorLoan loan) => Receive(loan, out _);

    private bool Receive(ReactorLoan loan, out bool nothingThere)
    {
        // A short remainder of the last read goes in front of the next one, in the loop's buffer: a stream of pipelined
        // requests is read in large pieces wherever they are cut. A long request gathers in an array of its own.
        bool gathers = _inputLength > loan.ReadBuffer.Length / 2;
        if (gathers && _input.Length - _inputLength < LeastRoom)
            GrowInput();
        byte[] buffer = gathers ? _input : loan.ReadBuffer;
        if (!gathers)
            _input.AsSpan(0, _inputLength).CopyTo(buffer);
        SyscallResult result = recv(Descriptor, buffer.AsSpan(_inputLength), 0);
        nothingThere = result.Is(EAGAIN);
        if (nothingThere)
            return true;
        if (result.IsError)
        {
            loan.Counters.Increment(Counter.Broken);
            return false;
        }

        if (result.Value == 0)
        {
            _inputEnded = true;
            return true;
        }

        LastMoved = loan.Now;
        return Answer(buffer.AsSpan(0, _inputLength + (int)result.Value), loan);
    }

    // Goes on with requests that were left for later, once the peer has taken half of what it may owe.
    private bool AnswerWaiting(ReactorLoan loan) =>
        !_requestsWait || Owed > loan.Options.MaxPendingOutput / 2 || Answer(_input.AsSpan(0, _inputLength), loan);

    // Answers batch after batch until a request is incomplete, or the peer does not take the replies.
    private bool Answer(ReadOnlySpan<byte> received, ReactorLoan loan)
    {
        bool wasThrottled = IsThrottled(loan.Options);
        PumpStop stop;
        do
        {
            stop = RequestPump.Consume(
                loan.Protocol, received, ref _framing, peer.Peer, loan.Replies, loan.Options.MaxPendingOutput, out int consumed, loan.Limit);
            received = received[consumed..];
            bool sent = Send(loan);
            loan.Replies.Clear(KeptReplyBuffer);
            if (!sent)
                return false;
        }
        while (stop == PumpStop.OutputFull && Owed == 0);

        if (stop == PumpStop.Malformed)
        {
            loan.Counters.Increment(Counter.ProtocolErrors);
            _closing = true;
            received = default;
        }

        _requestsWait = stop is PumpStop.OutputFull or PumpStop.Paused;
        if (!wasThrottled && IsThrottled(loan.Options))
            loan.Counters.Increment(Counter.Throttled);
        SetInput(received);
        return true;
    }

    // Tries the send first; what falls short is kept, and only then is writability waited for.
    private bool Send(ReactorLoan loan)
    {
        ReadOnlySpan<byte> replies = loan.Replies.Written;
        if (replies.IsEmpty)
            return true;
        if (Owed == 0)
        {
            SyscallResult result = send(Descriptor, replies, MSG_NOSIGNAL);
            if (result.IsError && !result.Is(EAGAIN))
            {
                loan.Counters.Increment(Counter.Broken);
                return false;
            }

            replies = replies[(int)Math.Max(result.Value, 0)..];
            if (replies.IsEmpty)
                return true;
        }

        Owe(replies);
        return true;
    }

    private bool SendOwed(ReactorLoan loan)
    {
        SyscallResult result = send(Descriptor, _unsent.AsSpan(_unsentStart, Owed), MSG_NOSIGNAL);
        if (result.IsError)
        {
            if (result.Is(EAGAIN))
                return true;
            loan.Counters.Increment(Counter.Broken);
            return false;
        }

        LastMoved = loan.Now;
        _unsentStart += (int)result.Value;
        if (Owed == 0)
            ReturnUnsent();
        return true;
    }

    private void Owe(ReadOnlySpan<byte> replies)
    {
        if (_unsent.Length - _unsentEnd < replies.Length)
        {
            byte[] larger = ArrayPool<byte>.Shared.Rent(Owed + replies.Length);
            _unsent.AsSpan(_unsentStart, Owed).CopyTo(larger);
            int owed = Owed;
            ReturnUnsent();
            (_unsent, _unsentStart, _unsentEnd) = (larger, 0, owed);
        }

        replies.CopyTo(_unsent.AsSpan(_unsentEnd));
        _unsentEnd += replies.Length;
    }

    private void ReturnUnsent()
    {
        if (_unsent.Length > 0)
            ArrayPool<byte>.Shared.Return(_unsent);
        (_unsent, _unsentStart, _unsentEnd) = ([], 0, 0);
    }

    // Keeps these bytes, which may stand in the loop's buffer or further on in the connection's own.
    private void SetInput(ReadOnlySpan<byte> rest)
    {
        bool fits = rest.Length <= _input.Length && _input.Length <= Math.Max(4 * rest.Length, LeastRoom);
        if (fits && !rest.IsEmpty)
        {
            rest.CopyTo(_input);
        }
        else
        {
            byte[] other = rest.IsEmpty ? [] : ArrayPool<byte>.Shared.Rent(rest.Length);
            rest.CopyTo(other);
            if (_input.Length > 0)
                ArrayPool<byte>.Shared.Return(_input);
            _input = other;
        }

        _inputLength = rest.Length;
    }

    // Doubles, so that memory follows the bytes that came and never the length that was declared.
    private void GrowInput()
    {
        byte[] larger = ArrayPool<byte>.Shared.Rent(2 * _input.Length);
        _input.AsSpan(0, _inputLength).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_input);
        _input = larger;
    }
}
