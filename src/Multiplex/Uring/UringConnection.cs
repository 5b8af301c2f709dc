using Multiplex.Engine;
using Multiplex.Sockets;

namespace Multiplex.Uring;

/// <summary>What the connections of one loop have in common, lent to each while it is at work.</summary>
/// <param name="Protocol">What the bytes mean.</param>
/// <param name="Options">The limits.</param>
/// <param name="Counters">Where events are counted.</param>
internal sealed record UringLoan(IProtocol Protocol, ServerOptions Options, ServerCounters Counters)
{
    /// <summary>The replies of this turn.</summary>
    public SendBatch Batch { get; } = new();

    /// <summary>Milliseconds, as of the last wake-up.</summary>
    public long Now { get; set; }

    /// <summary>The server is stopping and gathers what has arrived; it is answered after that.</summary>
    public bool Gathers { get; set; }

    /// <summary>Memory for long requests and replies.</summary>
    public LongBlocks Blocks { get; } = new();
}

/// <summary>
/// One connection on a ring: answers the bytes that the kernel brings, and tells what it wants of the kernel next. It owns
/// memory only while it holds half a request, or replies that its peer has not taken.
/// </summary>
internal sealed class UringConnection(int descriptor, PeerAddress peer, LongBlocks blocks)
{
    private const int EnoughInput = 64 * 1024;   // whole requests that wait; past it no more are received
    private const int LeastRoom = 16 * 1024;     // to receive into, behind half a long request
    private const int MostInATurn = 512;         // as of a reactor

    private NativeBuffer _input = new(blocks);     // received and not yet consumed
    private NativeBuffer _flight = new(blocks);    // replies that the kernel did not take yet, and may be reading
    private NativeBuffer _unsent = new(blocks);    // replies to be sent after those
    private FramingProgress _framing;
    private bool _requestsWait;      // whole requests may stand in _input: replies were too many, or it has had its share of a turn
    private bool _inputEnded;        // the peer has shut down its side, or the server is draining
    private bool _malformed;         // a protocol error: close once the replies before it are sent
    private bool _throttled;

    /// <summary>The socket.</summary>
    public int Descriptor { get; } = descriptor;

    /// <summary>The kind of the socket.</summary>
    public EndpointKind Kind => peer.Peer.Kind;

    /// <summary>When bytes last moved, in milliseconds.</summary>
    public long LastMoved { get; set; }

    /// <summary>Since when the rest of a request that has begun to arrive is awaited, in milliseconds; 0 when none is.</summary>
    public long RequestSince { get; set; }

    /// <summary>Whether whole requests wait that need only another turn, and so its peer is not silent.</summary>
    public bool IsAtWork => _requestsWait && Owed == 0;

    /// <summary>While draining: bytes that had arrived when that began, and are still to be read; -1 before.</summary>
    public int ArrivedUnread { get; set; } = -1;

    /// <summary>Bytes sent that the peer had still to acknowledge at the last look, while the server stops.</summary>
    public int Outstanding { get; set; } = int.MaxValue;

    /// <summary>Its place in the batch of sends, or -1.</summary>
    public int Queued { get; set; } = -1;

    /// <summary>A receive is under way in the kernel.</summary>
    public bool IsReceiving { get; set; }

    /// <summary>That receive writes behind the input, which has to stay where it is until then.</summary>
    public bool IsReceivingInPlace { get; private set; }

    /// <summary>The receive has been cancelled, and has not ended yet.</summary>
    public bool IsReceiveCancelled { get; set; }

    /// <summary>A send of owed bytes is under way in the kernel, which reads them from <see cref="Flight"/>.</summary>
    public bool IsSending { get; set; }

    /// <summary>It is on the loop's list of those whose requests wait.</summary>
    public bool IsListed { get; set; }

    /// <summary>It is being closed, as soon as nothing of it is under way.</summary>
    public bool IsLeaving { get; set; }

    /// <summary>The kernel has been told to give up what is under way.</summary>
    public bool IsAbandoned { get; set; }

    /// <summary>Bytes of replies that the peer has not taken, without those in the batch.</summary>
    public int Owed => _flight.Length + _unsent.Length;

    /// <summary>Bytes of memory that it owns.</summary>
    public long Memory => (long)_input.Memory + _flight.Memory + _unsent.Memory;

    /// <summary>What the loop has counted of it.</summary>
    public long CountedMemory { get; set; }

    /// <summary>Nothing left to read, nothing left to send.</summary>
    public bool IsDone => Owed == 0 && Queued < 0 && (_malformed || (_inputEnded && !_requestsWait));

    /// <summary>There is something to do once the batch has been sent.</summary>
    public bool AwaitsBatch => _malformed || _inputEnded || _requestsWait || IsLeaving || !IsReceiving;

    /// <summary>Whether to read on. Backpressure: who does not take replies is not read from.</summary>
    public bool WantsInput(ServerOptions options) => !_inputEnded && !_malformed && !IsThrottled(options);

    /// <summary>
    /// Whether to receive right behind the input: what has come of a long request shows that more is to come, and what goes through
    /// buffers that all share is copied once more.
    /// </summary>
    public bool WantsInPlace => !_requestsWait && _input.Length >= LongBlocks.Least;

    /// <summary>Whether to go on with requests that were left for later: once the peer has taken half of what it may owe.</summary>
    public bool MayAnswer(ServerOptions options) => _requestsWait && !IsReceivingInPlace && Owed <= options.MaxPendingOutput / 2;

    /// <summary>Takes bytes that have been received, and has the whole requests answered.</summary>
    public void Take(ReadOnlySpan<byte> bytes, UringLoan loan)
    {
        LastMoved = loan.Now;
        if (_malformed || _inputEnded)
            return;
        if (_input.Length == 0 && !loan.Gathers && !_requestsWait && !IsThrottled(loan.Options))
        {
            _input.Append(bytes[Answer(bytes, loan)..]);
            return;
        }

        _input.Append(bytes);
        AnswerMore(loan);
    }

    /// <summary>Where to receive to, behind the input.</summary>
    public unsafe byte* BeginInPlace(out int length)
    {
        IsReceivingInPlace = true;
        return _input.Room(LeastRoom, out length);
    }

    /// <summary>The receive has ended.</summary>
    public void EndReceive() => IsReceiving = IsReceivingInPlace = IsReceiveCancelled = false;

    /// <summary>So many bytes have been received in place: as <see cref="Take"/>.</summary>
    public void TakeInPlace(int count, UringLoan loan)
    {
        LastMoved = loan.Now;
        if (_malformed || _inputEnded)
            return;
        _input.Extend(count);
        AnswerMore(loan);
    }

    /// <summary>Answers requests that have been received earlier.</summary>
    public void AnswerWaiting(UringLoan loan) => _input.Consume(Answer(_input.Bytes, loan));

    /// <summary>No more bytes will come, or are wanted.</summary>
    public void EndInput() => _inputEnded = true;

    /// <summary>Keeps replies that the kernel did not take.</summary>
    public void Owe(ReadOnlySpan<byte> replies) => _unsent.Append(replies);

    /// <summary>The bytes to be sent next; they stay where they are until <see cref="Sent"/>.</summary>
    public unsafe byte* Flight(out int length)
    {
        if (_flight.Length == 0)
            (_flight, _unsent) = (_unsent, _flight);

        length = _flight.Length;
        return _flight.First;
    }

    /// <summary>The kernel took so many of them.</summary>
    public void Sent(int count, UringLoan loan)
    {
        LastMoved = loan.Now;
        _flight.Consume(count);
    }

    /// <summary>Counts it when it is no longer read from because its peer does not take the replies.</summary>
    public void NoteThrottling(UringLoan loan)
    {
        bool throttled = Owed > 0 && IsThrottled(loan.Options);
        if (throttled && !_throttled)
            loan.Counters.Increment(Counter.Throttled);
        _throttled = throttled;
    }

    /// <summary>Gives back what memory the connection owns; the kernel uses none of it any more.</summary>
    public void Release()
    {
        _input.Free();
        _flight.Free();
        _unsent.Free();
    }

    private void AnswerMore(UringLoan loan)
    {
        if (loan.Gathers || _requestsWait || IsThrottled(loan.Options))
            _requestsWait = true;
        else
            AnswerWaiting(loan);
    }

    private bool IsThrottled(ServerOptions options) =>
        Owed > options.MaxPendingOutput || (_requestsWait && (Owed > 0 || _input.Length > EnoughInput));

    // Answers one batch. How much of it the peer takes is known only once it has been sent.
    private int Answer(ReadOnlySpan<byte> received, UringLoan loan)
    {
        OutputBuffer replies = loan.Batch.Replies;
        int start = replies.Length;
        int mark = (int)Math.Min((long)start + loan.Options.MaxPendingOutput, int.MaxValue);
        ReadOutcome stop = RequestReader.Consume(
            loan.Protocol, received, ref _framing, peer.Peer, replies, mark, out int consumed, MostInATurn);
        _requestsWait = stop is ReadOutcome.OutputFull or ReadOutcome.Paused;
        if (_requestsWait || consumed == received.Length)
            RequestSince = 0;
        else if (consumed > 0 || RequestSince == 0)
            RequestSince = loan.Now;
        if (stop == ReadOutcome.Malformed)
        {
            loan.Counters.Increment(Counter.ProtocolErrors);
            _malformed = true;
            consumed = received.Length;
        }

        if (Owed == 0)
        {
            loan.Batch.Add(this, start);
        }
        else
        {
            Owe(replies.Written[start..]);
            replies.Truncate(start);
        }

        return consumed;
    }
}
