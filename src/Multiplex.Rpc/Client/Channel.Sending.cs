using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Rpc.Client;

/// <content>
/// Sending. Calls are appended to one buffer while another is being sent, by one thread at a time; so however many calls come
/// meanwhile, one system call takes them all. Datagrams that nobody takes are lost, so no more than a window of them is under way at a
/// time; the rest wait for replies, by xid, for a call may end while it waits.
/// </content>
internal sealed partial class Channel
{
    private const int BufferKept = 256 * 1024;
    private const int MostRefusals = 64 * 1024;   // bytes of them that wait to be sent; a server that calls on is answered no more

    private static readonly RpcProtocol s_noPrograms = new() { Replies = null };

    private OutputBuffer _output = new();    // appended to
    private OutputBuffer _sending = new();   // belongs to who sends
    private int _sent;                       // of what is being sent
    private long _queuedBytes;               // since the connection was made
    private long _sentBytes;
    private bool _isSending;
    private bool _isBlocked;                 // the socket takes no more for now
    private int _sendErrno;
    private readonly Queue<uint> _waiting = [];   // for the window to open: datagrams only
    private int _underWay;

    // Calls that ended before a byte of them was sent. Their records are removed from the buffers before the next send, or once they are most of
    // what is queued.
    private readonly HashSet<uint> _withdrawn = [];
    private long _withdrawnBytes;

    private long UnsentBytes => (long)_output.Length + _sending.Length - _sent;

    private bool HasUnsent => _output.Length > 0 || _sent < _sending.Length || (_waiting.Count > 0 && _underWay < _options.DatagramWindow);

    private bool CanSend => _state == ConnectionState.Connected && !_isBlocked && _sendErrno == 0;

    // Under the gate, as all that queues.
    private void QueueCall(PendingCall call)
    {
        call.Start = _queuedBytes;
        if (_isDatagram)
            _waiting.Enqueue(call.Xid);
        else
            Queue(call.Message);
    }

    private void Queue(OutputBuffer message)
    {
        _output.Write(message.Written);
        _queuedBytes += message.Length;
    }

    // The client serves no programs: RFC 5531 section 9 has an answer to that, PROG_UNAVAIL.
    private void Refuse(ReadOnlySpan<byte> call)
    {
        _counters.CallsRefused++;
        if (UnsentBytes >= MostRefusals)
            return;
        int start = RecordMarking.Begin(_output);
        bool isAnswered = s_noPrograms.AnswerMessage(call, default, _output);
        if (isAnswered)
            RecordMarking.End(_output, start);
        else
            _output.Truncate(start);   // it is cut off
        _queuedBytes += _output.Length - start;
    }

    // Whether any of it was given to the kernel on this connection, or may be at this moment, by a thread that sends.
    private bool IsSent(PendingCall call) =>
        call.Start < (_isSending ? _sentBytes + _sending.Length - _sent : _sentBytes) && (!_isDatagram || call.IsUnderWay);

    // A reply has come for it. A repeat of it that still waits to be sent is of no use any more.
    private PendingCall? Take(uint xid)
    {
        PendingCall? call = _calls.Remove(xid);
        if (call is { Repeats: true })
            Withdraw(call);
        if (call is not null)
            Landed(call);
        return call;
    }

    // There will be no reply. What of it is queued, and of which no byte was sent, is never sent: a server that goes on later does not run it.
    private bool TakeBack(PendingCall call)
    {
        if (!_calls.Remove(call))
            return false;
        Withdraw(call);
        Landed(call);
        return true;
    }

    private void Withdraw(PendingCall call)
    {
        bool isQueued = _state == ConnectionState.Connected && call.Start >= _sentBytes && (!_isDatagram || call.IsUnderWay);
        if (!isQueued || !_withdrawn.Add(call.Xid))
            return;
        _withdrawnBytes += call.Message.Length;
        if (!_isSending && 2 * _withdrawnBytes > UnsentBytes)
            DropWithdrawn();
    }

    // Under the gate, while no thread sends. A record that was begun stays: without its end a stream makes no sense.
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
                if (from != to && _calls.Find(PendingCall.XidOf(record)) is { } call && call.Start == from)
                    call.Start = to;
                record.CopyTo(all[kept..]);
                kept += length;
                to += length;
            }

            records.Truncate(kept);
        }
    }

    private void Landed(PendingCall call)
    {
        if (call.IsUnderWay)
            _underWay--;
        call.IsUnderWay = false;
    }

    /// <summary>Sends what is queued, as far as the socket takes it. What another thread queues while it sends, that one sends.</summary>
    private void Flush()
    {
        bool wakes = false;
        lock (_gate)
        {
            if (_isSending || !CanSend)
                return;
            _isSending = true;
            while (CanSend && TakeOutput())
            {
                int socket = _socket;
                SyscallResult result;
                Monitor.Exit(_gate);
                try
                {
                    result = _wire.Send(socket, _sending.Written[_sent..]);
                }
                finally
                {
                    Monitor.Enter(_gate);
                }

                if (result.IsError)
                {
                    // The driver waits for the socket, or finds out what has become of it.
                    _isBlocked = result.Is(EAGAIN);
                    _sendErrno = _isBlocked ? 0 : result.Errno;
                    wakes = MustWake();
                    break;
                }

                _sent += (int)result.Value;
                _sentBytes += result.Value;
            }

            _isSending = false;
            Monitor.PulseAll(_gate);
        }

        if (wakes)
            Wake();
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
        while (_underWay < _options.DatagramWindow && _waiting.TryDequeue(out uint xid))
        {
            if (_calls.Find(xid) is { IsUnderWay: false } call)
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
        call.ResendAt = Now + call.Wait;
        _underWay++;
    }

    // Under the gate, which it may leave for a while: a socket is not closed while a thread sends on it.
    private void AwaitSender()
    {
        while (_isSending)
            Monitor.Wait(_gate);
    }

    // Calls that go on are queued again on the next connection, and replies are of no use there: what is kept are posted calls.
    private void ForgetOutput(bool keepsPosted)
    {
        if (keepsPosted)
        {
            KeepRecords((record, isBegun) => !isBegun && PendingCall.IsCall(record)
                && PendingCall.XidOf(record) is var xid && _calls.Find(xid) is null && !_withdrawn.Contains(xid));
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
        foreach (PendingCall call in _calls.InOrder())
            Landed(call);
        _isBlocked = false;
        _sendErrno = 0;
    }
}
