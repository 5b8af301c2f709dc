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

    // Whether any of it was given to the kernel.
    private bool IsSent(PendingCall call) => _isDatagram ? call.IsUnderWay : call.Start < _sentBytes;

    private PendingCall? Take(uint xid)
    {
        PendingCall? call = _calls.Remove(xid);
        if (call is not null)
            Landed(call);
        return call;
    }

    private bool Take(PendingCall call)
    {
        bool isTaken = _calls.Remove(call);
        if (isTaken)
            Landed(call);
        return isTaken;
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

    private void ForgetOutput()
    {
        _output.Clear(BufferKept);
        _sending.Clear(BufferKept);
        _sent = 0;
        _queuedBytes = _sentBytes = 0;
        _waiting.Clear();
        foreach (PendingCall call in _calls.InOrder())
            Landed(call);
        _isBlocked = false;
        _sendErrno = 0;
    }
}
