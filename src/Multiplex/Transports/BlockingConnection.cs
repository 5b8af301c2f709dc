using System.Diagnostics;
using Multiplex.Engine;
using Multiplex.Interop;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Transports;

/// <summary>
/// A socket that blocks, under a <see cref="Session"/>: what every model uses that gives a connection a thread or a process. The thread
/// repeats <see cref="Receive"/> and <see cref="Send"/> for as long as the connection <see cref="IsOpen"/>, then calls <see cref="End"/>. The buffers
/// are used for the next connection.
/// </summary>
/// <remarks>
/// A thread that waits in recv(2) or send(2) sees nothing else. At a stop another thread wakes it, see <see cref="Wake"/>, and must not shut down a
/// descriptor that was closed and used again meanwhile; a process is woken by a signal, see <see cref="IsToEnd"/>.
/// </remarks>
/// <param name="service">What it serves.</param>
/// <param name="closed">Called for each connection that is closed after <see cref="End"/>, once its peer has what was sent.</param>
/// <param name="memory">Where what its connections hold is counted; null where nothing is.</param>
internal sealed class BlockingConnection(Service service, Action closed, HeldMemory.Holder? memory = null)
{
    /// <summary>How long a wait may last in a process that is woken by a signal, which may come just before the wait.</summary>
    public static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(1);

    private const int None = -1;
    private const int LooksAtRequest = 4;   // while it may take to arrive: so much more it gets at most

    private readonly ServerOptions _options = service.Options;
    private readonly ServerCounters _counters = service.Counters;
    private readonly SessionContext _context = new(service.Protocol, service.Options, service.Counters) { Addresses = service.Addresses, Wait = new(service.Counters) };
    private readonly LeavingConnections _leaving = new(service.Options, service.Counters, closed);
    private readonly TimeSpan _lookAgain;   // zero: only the limits of time end a wait
    private TimeSpan _longestWait;
    private readonly Lock _closing = new();
    private Session _session = null!;
    private CloseReason? _reason;
    private int _descriptor = None;
    private long _lookedAt;
    private long _firstRequestUntil;

    // Of a send that is under way, for the thread that stops this one.
    private bool _isSending;
    private long _sent;
    private long _sentWhenLastSeen = -1;
    private long _stalledSince;
    private bool _isCutOff;

    /// <summary>Whether to drain as if the server were stopping. Called now and then, and after a signal has interrupted the wait for a request.</summary>
    public Func<bool> IsToEnd
    {
        get;
        init
        {
            field = value;
            _lookAgain = LookAgain;
        }
    } = static () => false;

    /// <summary>Whether there is more to receive or to send.</summary>
    public bool IsOpen => (_reason ??= _session.Closed) is null;

    /// <summary>Begins to serve an accepted connection.</summary>
    public void Begin(int descriptor, PeerAddress peer)
    {
        lock (_closing)
        {
            _descriptor = descriptor;
            _isCutOff = false;
            _session = new(peer);
        }

        _session.Begin(_context, Environment.TickCount64);
        _context.Wait!.Descriptor = descriptor;
        _reason = null;
        _lookedAt = 0;

        _longestWait = Shortest(_lookAgain, Shortest(_options.IdleTimeout, _options.RequestTimeout / LooksAtRequest));

        // The kernel limits silence: a read or a write that waits longer returns EAGAIN, socket(7).
        if (_longestWait > TimeSpan.Zero)
            setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, timeval.Of(_longestWait));
        if (_options.IdleTimeout > TimeSpan.Zero)
            setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, timeval.Of(_options.IdleTimeout));
    }

    /// <summary>Waits for the next bytes, and passes them to the session, which answers them. Once the server is stopping, receives what had arrived, and does not wait.</summary>
    public void Receive()
    {
        Span<byte> buffer = _session.GetReceiveBuffer(_context);
        if (memory?.TryHold(_session.Memory) == false)
        {
            _reason = CloseReason.MemoryLimit;
            return;
        }

        int flags = _session.KeepsMessages ? MSG_TRUNC : 0;
        long silentSince = Environment.TickCount64;
        if (_session.RequestSince == _context.Now)
            _session.RequestSince = silentSince;   // the requests before it were answered meanwhile
        _context.Now = silentSince;
        while (true)
        {
            if (!_session.IsDraining && (_counters[Counter.Stopping] != 0 || LooksWhetherToEnd()) && !AwaitsFirstRequest())
                _session.BeginDrain(SocketState.UnreadBytes(_descriptor));
            bool isDraining = _session.IsDraining;
            if (isDraining ? !_session.WantsInput(_options) : IsRequestLate())
            {
                _reason = isDraining ? CloseReason.Finished : CloseReason.RequestTimeout;
                return;
            }

            SyscallResult result = recv_once(_descriptor, buffer, isDraining ? flags | MSG_DONTWAIT : flags);
            _context.Now = Environment.TickCount64;
            if (!result.IsError || (isDraining && result.Is(EAGAIN)))
            {
                _session.Received((int)Math.Max(0, result.Value), _context);
                return;
            }

            if (!result.Is(EINTR) && (!result.Is(EAGAIN) || IsIdleSince(silentSince)))
            {
                _reason = result.Is(EAGAIN) ? CloseReason.IdleTimeout : CloseReason.Broken;
                return;
            }

            _lookedAt = 0;
        }
    }

    /// <summary>Sends all replies, including those to requests that had to wait until earlier replies were sent.</summary>
    public void Send()
    {
        // No try/finally around the calls: within one, the compiler calls libc through a stub instead of directly.
        while (SendPending() && _session.RequestsWait)
        {
            if (_session.HeldFor > 0)
                AwaitCall();
            if (SocketState.HasFailed(_descriptor))
                _reason = CloseReason.Broken;
            else
                _session.Continue(_context);
        }
    }

    /// <summary>
    /// The connection is no longer open: closes it and counts why. One that is <see cref="CloseReason.Finished"/> while the server stops stays open
    /// until its peer has everything: see <see cref="AwaitDelivery"/>.
    /// </summary>
    /// <returns>Whether it is closed now.</returns>
    public bool End()
    {
        SocketState.SendLast(_descriptor, _session.Farewell(_context));
        _session.Release(_context);
        _context.Wait!.Release();
        _context.ReleaseMessageBuffer();
        _context.Replies.Clear(OutputBuffer.UsuallyKept);
        if (memory?.Release() == true)
            _reason = CloseReason.MemoryLimit;   // counted where it was decided
        else
            _counters.Count(_reason!.Value, _session);
        bool isLeaving = _reason == CloseReason.Finished && _counters[Counter.Stopping] != 0;
        lock (_closing)
        {
            if (isLeaving)
                _leaving.Add(_descriptor, _session.Kind);
            else
                close(_descriptor);
            _descriptor = None;
        }

        return !isLeaving;
    }

    /// <summary>Waits until the peers of all connections have received everything: the server is stopping, and the last connection was served.</summary>
    public void AwaitDelivery() => _leaving.AwaitAll();

    /// <summary>
    /// The server is stopping: ends the wait for a request, so that what has arrived is answered and the connection closed; cuts off a peer
    /// that takes none of its replies, or, with <paramref name="cut"/>, any. For another thread.
    /// </summary>
    public void Wake(bool cut)
    {
        lock (_closing)
        {
            if (_descriptor == None)
                return;
            bool isCut = cut || HasStalled();
            if (!isCut && AwaitsFirstRequest())
                return;
            if (isCut && !_isCutOff)
                _counters.Increment(Counter.CutOff);
            _isCutOff |= isCut;
            shutdown(_descriptor, isCut ? SHUT_RDWR : SHUT_RD);
            if (cut)
                _context.Wait!.Cancel();
        }
    }

    /// <summary>Ends the connection, whatever its thread waits for: it holds too much memory. For another thread.</summary>
    public void Evict()
    {
        lock (_closing)
        {
            if (_descriptor != None)
                shutdown(_descriptor, SHUT_RDWR);
        }
    }

    // False: the connection has ended.
    private bool SendPending()
    {
        long interrupted = 0;
        ReadOnlySpan<byte> replies = _session.Pending(_context);
        if (replies.Length > HeldMemory.Uncounted && memory?.TryHold(replies.Length) == false)
            _reason = CloseReason.MemoryLimit;
        _isSending = true;
        while (_reason is null && !replies.IsEmpty)
        {
            SyscallResult result = send_once(_descriptor, replies, MSG_NOSIGNAL);
            if (!result.IsError)
            {
                interrupted = 0;
                _sent += result.Value;
                _session.Sent((int)result.Value, _context);
                replies = _session.Pending(_context);
            }
            else if (!result.Is(EINTR))
            {
                _reason = result.Is(EAGAIN) ? CloseReason.IdleTimeout : CloseReason.Broken;
            }
            else if (memory?.IsEvicted == true)
            {
                _reason = CloseReason.MemoryLimit;
            }
            else if (interrupted == 0)
            {
                interrupted = Environment.TickCount64;
            }
            else if (_counters[Counter.Stopping] != 0 && Environment.TickCount64 - interrupted > _options.DrainStall.TotalMilliseconds)
            {
                _reason = CloseReason.Broken;   // the stop signal comes again and again, and the peer has taken nothing in between
            }
        }

        _isSending = false;
        return _reason is null;
    }

    // Until the client may make calls again, or the server stops.
    private void AwaitCall()
    {
        const int LookMilliseconds = 50;
        long until = Environment.TickCount64 + _session.HeldFor;
        for (long left = _session.HeldFor; left > 0; left = until - Environment.TickCount64)
        {
            poll([], (int)Math.Min(left, LookMilliseconds));
            _lookedAt = 0;
            if (_counters[Counter.Stopping] == 0 && !LooksWhetherToEnd())
                continue;
            _session.BeginDrain(SocketState.UnreadBytes(_descriptor));
            return;
        }

        _session.HeldFor = 0;
    }

    private static TimeSpan Shortest(TimeSpan one, TimeSpan other) =>
        one <= TimeSpan.Zero || (other > TimeSpan.Zero && other < one) ? other : one;

    private bool IsRequestLate() =>
        _session.RequestSince != 0 && _options.RequestTimeout > TimeSpan.Zero
        && Environment.TickCount64 - _session.RequestSince >= (long)_options.RequestTimeout.TotalMilliseconds;

    // Where a wait lasts as long as silence may, the kernel has measured it, and better than the clock's ticks would.
    private bool IsIdleSince(long milliseconds) =>
        _options.IdleTimeout > TimeSpan.Zero
        && (_longestWait >= _options.IdleTimeout || Environment.TickCount64 - milliseconds >= (long)_options.IdleTimeout.TotalMilliseconds);

    // A signal that comes while a call is being answered interrupts no read. To ask costs a system call, so it is asked once
    // in each tick of the clock, not before each of a hundred thousand reads a second.
    private bool LooksWhetherToEnd()
    {
        if (_context.Now == _lookedAt)
            return false;
        _lookedAt = _context.Now;
        return IsToEnd() || memory?.IsEvicted == true;
    }

    // Of a connection that was accepted before another server went on with the listeners, and whose client has not sent anything since.
    private bool AwaitsFirstRequest()
    {
        if (!_session.IsUntouched)
            return false;
        if (_firstRequestUntil == 0)
            _firstRequestUntil = Environment.TickCount64 + (long)service.FirstRequestTime.TotalMilliseconds;
        return Environment.TickCount64 < _firstRequestUntil;
    }

    private bool HasStalled()
    {
        if (!_isSending || _sent != _sentWhenLastSeen)
        {
            _sentWhenLastSeen = _sent;
            _stalledSince = Stopwatch.GetTimestamp();
            return false;
        }

        return Stopwatch.GetElapsedTime(_stalledSince) > _options.DrainStall;
    }
}
