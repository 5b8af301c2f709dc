using Multiplex.Interop;
using Multiplex.Rpc.Client.Calls;
using Multiplex.Rpc.Messages;
using Multiplex.Rpc.Xdr;
using static Multiplex.Interop.Libc;

namespace Multiplex.Rpc.Client;

/// <summary>
/// The bytes that a client has to send. Calls are appended to one buffer while a thread sends another, so that one system call takes all
/// calls that come meanwhile. A server drops datagrams that its socket has no room for, so no more than a window of them is under way at a
/// time; the other calls wait for replies, by xid, for a call may end while it waits.
/// </summary>
/// <remarks>All members are called under the gate, but for <see cref="Flush"/>, which sends without it.</remarks>
/// <param name="gate">The gate of the connection; not a Lock, as Monitor.Wait is needed.</param>
/// <param name="calls">The calls in flight.</param>
/// <param name="transport">Sends the bytes.</param>
/// <param name="window">How many datagrams may be under way; null on a connection, which needs no limit.</param>
internal sealed class SendQueue(object gate, PendingCalls calls, Transport transport, int? window)
{
    private const int BufferKept = 256 * 1024;
    private const int MostRefusals = 64 * 1024;   // bytes that may be pending when one more refusal is queued: beyond that no more refusals are queued

    private readonly bool _isDatagram = window is not null;
    private OutputBuffer _output = new();    // appended to
    private OutputBuffer _sending = new();   // belongs to the thread that sends
    private int _sent;                       // of what is being sent
    private int _socket = -1;                // -1 while there is no connection
    private long _queuedBytes;               // since the connection was made
    private long _sentBytes;
    private bool _isSending;
    private readonly Queue<uint> _waiting = [];   // for the window to open: datagrams only
    private int _underWay;

    // Calls that ended before a byte of them was sent. Their records are removed from the buffers before the next send, or once they are most of
    // what is queued.
    private readonly HashSet<uint> _withdrawn = [];
    private long _withdrawnBytes;

    /// <summary>Whether there is a connection.</summary>
    public bool IsOpen => _socket >= 0;

    /// <summary>Bytes that are to be sent.</summary>
    public long PendingBytes => UnsentBytes - _withdrawnBytes;

    /// <summary>Bytes that no thread has begun to send.</summary>
    public int BatchedBytes => _output.Length;

    /// <summary>Whether anything could be sent, if the socket takes it.</summary>
    public bool HasUnsent => _output.Length > 0 || _sent < _sending.Length || (_waiting.Count > 0 && _underWay < window) || transport.HasUnsent;

    /// <summary>Whether the socket takes bytes, as far as is known.</summary>
    public bool CanSend => _socket >= 0 && !IsBlocked && Errno == 0;

    /// <summary>Whether bytes are left that this thread is to send: none while another thread sends.</summary>
    public bool NeedsFlush => !_isSending && CanSend && HasUnsent;

    /// <summary>Whether the socket's buffer is full, so that the driver has to wait until it is writable.</summary>
    public bool IsBlocked { get; private set; }

    /// <summary>Why nothing can be sent any more: the errno of send(2), or 0.</summary>
    public int Errno { get; private set; }

    private long UnsentBytes => (long)_output.Length + _sending.Length - _sent;

    /// <summary>There is a connection. What was posted before goes first.</summary>
    public void Open(int socket) => (_socket, _queuedBytes) = (socket, _output.Length);

    /// <summary>The socket is writable.</summary>
    public void Unblock() => IsBlocked = false;

    /// <summary>The server has closed the connection: nothing more is sent over it.</summary>
    public void Fail(int errno) => Errno = errno;

    /// <summary>Appends a call, or queues it until the window has room.</summary>
    public void Add(PendingCall call)
    {
        call.Start = _queuedBytes;
        if (_isDatagram)
            _waiting.Enqueue(call.Xid);
        else
            Add(call.Message);
    }

    /// <summary>Appends a record.</summary>
    public void Add(OutputBuffer message)
    {
        _output.Write(message.Written);
        _queuedBytes += message.Length;
    }

    /// <summary>Appends the reply to a call that the server has made: a client serves no programs, so it is PROG_UNAVAIL, RFC 5531 section 9.</summary>
    public void Refuse(ReadOnlySpan<byte> call)
    {
        if (UnsentBytes >= MostRefusals)
            return;
        int start = RecordMarking.Begin(_output);
        if (TryRefuse(call))
            RecordMarking.End(_output, start);
        else
            _output.Truncate(start);   // the call is cut off
        _queuedBytes += _output.Length - start;
    }

    /// <summary>Whether any byte of a call was passed to send(2) on this connection, or may be at this moment by the thread that sends.</summary>
    public bool IsSent(PendingCall call) =>
        !call.IsPaused && call.Start < (_isSending ? _sentBytes + _sending.Length - _sent : _sentBytes) && (!_isDatagram || call.IsUnderWay);

    /// <summary>A reply to this call has come. A repeat that still waits to be sent is removed.</summary>
    public PendingCall? Take(uint xid)
    {
        PendingCall? call = calls.Remove(xid);
        if (call is { Repeats: true })
            Withdraw(call);
        if (call is not null)
            Landed(call);
        return call;
    }

    /// <summary>This call will have no reply.</summary>
    /// <returns>False when it is not in flight any more.</returns>
    public bool TakeBack(PendingCall call)
    {
        if (!calls.Remove(call))
            return false;
        Withdraw(call);
        Landed(call);
        return true;
    }

    /// <summary>These calls will have no reply.</summary>
    public List<PendingCall> TakeBack(Func<PendingCall, bool> which)
    {
        List<PendingCall> taken = [.. calls.InOrder().Where(which)];
        taken.ForEach(call => TakeBack(call));
        return taken;
    }

    // As a server without a program answers: false when the call is cut off, so that there is no reply to it.
    private bool TryRefuse(ReadOnlySpan<byte> call)
    {
        XdrReader message = new(call);
        switch (CallHeader.Read(ref message, out CallHeader header))
        {
            case CallHead.Sound:
                ReplyWriter.Accepted(_output, header.Xid, AcceptStatus.ProgramUnavailable);
                return true;
            case CallHead.OtherRpcVersion:
                ReplyWriter.RpcMismatch(_output, header.Xid);
                return true;
            case CallHead.Refused:
                ReplyWriter.AuthenticationError(_output, header.Xid, header.Refusal);
                return true;
            default:
                return false;
        }
    }

    // Of a call that has ended nothing is sent, unless its first byte was: so a server that reads again later does not run it.
    private void Withdraw(PendingCall call)
    {
        bool isQueued = _socket >= 0 && !call.IsPaused && call.Start >= _sentBytes && (!_isDatagram || call.IsUnderWay);
        if (!isQueued || !_withdrawn.Add(call.Xid))
            return;
        _withdrawnBytes += call.Message.Length;
        if (!_isSending && 2 * _withdrawnBytes > UnsentBytes)
            DropWithdrawn();
    }

    // While no thread sends. A record that was begun stays: without its end the server could not frame the stream.
    private void DropWithdrawn() => KeepRecords((record, isBegun) => isBegun || !_withdrawn.Contains(PendingCall.XidOf(record)));

    private void KeepRecords(Func<ReadOnlySpan<byte>, bool, bool> keeps)
    {
        long from = _sentBytes - _sent, to = from;
        Keep(_sending);
        Keep(_output);
        _queuedBytes = to;
        _withdrawn.Clear();
        _withdrawnBytes = 0;

        void Keep(OutputBuffer records)
        {
            Span<byte> all = records.Rewrite(0, records.Length);
            int kept = 0;
            for (int at = 0, length; at < all.Length; at += length, from += length)
            {
                length = RecordMarking.LengthOf(all[at..]);
                Span<byte> record = all.Slice(at, length);
                if (!keeps(record, from < _sentBytes))
                    continue;
                if (from != to && calls.Find(PendingCall.XidOf(record)) is { } call && call.Start == from)
                    call.Start = to;
                record.CopyTo(all[kept..]);
                kept += length;
                to += length;
            }

            records.Truncate(kept);
        }
    }

    /// <summary>A call's datagram is no longer under way: it was answered, has ended or is to be sent again.</summary>
    public void Landed(PendingCall call)
    {
        if (call.IsUnderWay)
            _underWay--;
        call.IsUnderWay = false;
    }

    /// <summary>
    /// Sends until nothing is left or the socket takes no more. Bytes that another thread appends meanwhile are sent by this one. Not under
    /// the gate.
    /// </summary>
    /// <returns>False when the driver has to act: the socket is full, or send(2) failed.</returns>
    public bool Flush()
    {
        lock (gate)
        {
            if (_isSending || !CanSend)
                return true;
            _isSending = true;
            while (CanSend && (TakeOutput() || transport.HasUnsent))
            {
                int socket = _socket;
                SyscallResult result;
                Monitor.Exit(gate);
                try
                {
                    result = transport.Send(socket, _sending.Written[_sent..]);
                }
                finally
                {
                    Monitor.Enter(gate);
                }

                if (result.IsError)
                {
                    IsBlocked = result.Is(EAGAIN);
                    Errno = IsBlocked ? 0 : result.Errno;
                    break;
                }

                _sent += (int)result.Value;
                _sentBytes += result.Value;
            }

            _isSending = false;
            Monitor.PulseAll(gate);
            return !IsBlocked && Errno == 0;
        }
    }

    private bool TakeOutput()
    {
        if (_withdrawn.Count > 0)
            DropWithdrawn();
        if (_sent < _sending.Length)
            return true;
        _sending.Clear(BufferKept);
        _sent = 0;
        (_sending, _output) = (_output, _sending);
        while (_underWay < window && _waiting.TryDequeue(out uint xid))
        {
            if (calls.Find(xid) is { IsUnderWay: false } call)
                Depart(call);
        }

        return _sending.Length > 0;
    }

    private void Depart(PendingCall call)
    {
        call.Start = _queuedBytes;
        _queuedBytes += call.Message.Length;
        _sending.Write(call.Message.Written);
        call.IsUnderWay = true;
        call.ResendAt = Environment.TickCount64 + call.Wait;
        _underWay++;
    }

    /// <summary>Waits, without the gate, until no thread sends: only then may the socket be closed.</summary>
    public void AwaitSender()
    {
        while (_isSending)
            Monitor.Wait(gate);
    }

    /// <summary>
    /// The connection has ended. Calls in flight are appended again for the next one, and refusals mean nothing there: posted calls alone are kept.
    /// </summary>
    /// <param name="keepsPosted">Whether these are kept.</param>
    public void Close(bool keepsPosted)
    {
        _socket = -1;
        if (keepsPosted)
        {
            KeepRecords((record, isBegun) => !isBegun && PendingCall.IsCall(record)
                && PendingCall.XidOf(record) is var xid && calls.Find(xid) is null && !_withdrawn.Contains(xid));
            _sending.Write(_output.Written);
            (_output, _sending) = (_sending, _output);
        }
        else
        {
            _output.Clear(BufferKept);
        }

        _sending.Clear(BufferKept);
        _withdrawn.Clear();
        _withdrawnBytes = 0;
        _sent = 0;
        _queuedBytes = _sentBytes = 0;
        _waiting.Clear();
        foreach (PendingCall call in calls.InOrder())
            Landed(call);
        IsBlocked = false;
        Errno = 0;
    }
}
