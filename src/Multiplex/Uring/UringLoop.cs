using Multiplex.Engine;
using Multiplex.Interop;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Uring;

/// <summary>
/// One thread, one loop, one call a turn: submit the replies of the last turn and what else the kernel is to do, wait,
/// work off what has come. Nothing is asked for whether it is ready; the kernel reads and accepts by itself.
/// </summary>
internal sealed partial class UringLoop : IDisposable
{
    private const int Entries = 1024;
    private const int Completions = 8192;
    private const int LongCallMilliseconds = 50;   // after such a one a turn looks whether it is to stop

    private readonly Service _service;
    private readonly UringLoan _loan;
    private readonly Ring _ring;
    private readonly ProvidedBuffers _buffers;
    private readonly UringListeners _listeners;
    private readonly byte[] _ownBuffer = GC.AllocateUninitializedArray<byte>(64 * 1024);   // when no provided buffer is left, and to drain
    private UringConnection?[] _connections = new UringConnection?[64];   // by descriptor
    private int _count;
    private int _receiving;
    private int _stopRequests;
    private long _turnBegan;
    private long _sweepDue = long.MaxValue;
    private long _drainDeadline = long.MaxValue;

    /// <summary>Makes the ring, on the thread that will serve.</summary>
    /// <exception cref="Interop.SyscallException">The kernel refuses io_uring.</exception>
    public UringLoop(Service service, UringBuffers buffers)
    {
        _service = service;
        _loan = new(service.Protocol, service.Options, service.Counters);
        _ring = new(Entries, Completions);
        _buffers = new(_ring, buffers);
        _listeners = new(_ring, service.Listeners, service.Counters);
    }

    /// <summary>Serves until a stop is requested, drains, and closes everything.</summary>
    public void Run()
    {
        AwaitStop();
        _listeners.Start();
        _ring.Submit();
        _service.Ready();
        while (_stopRequests == 0)
        {
            Turn(_sweepDue);
            CloseLargest();
            SweepIdle();
        }

        Drain();
    }

    /// <summary>Takes a connection in.</summary>
    public void Admit(int fd, PeerAddress peer)
    {
        if (!_service.HasRoom)
        {
            _service.Counters.Increment(Counter.Refused);   // before the client can see it
            close(fd);
            return;
        }

        if (fd >= _connections.Length)
            Array.Resize(ref _connections, Math.Max(fd + 1, 2 * _connections.Length));
        UringConnection connection = new(fd, peer, _loan.Blocks) { LastMoved = _loan.Now };
        _connections[fd] = connection;
        _count++;
        _service.Counters.Increment(Counter.Accepted);
        if (_sweepDue == long.MaxValue && IdleSweep.IsNeeded(_service.Options))
            _sweepDue = _loan.Now + IdleSweep.Interval(_service.Options);
        Watch(connection);
    }

    // Waits until there is a completion, at most until a moment, and works off what there is.
    private void Turn(long until)
    {
        bool waits = !_attention && _waiting.Count == 0;
        SubmitBatch(!waits ? 0 : until == long.MaxValue ? -1 : Math.Max(0, until - Environment.TickCount64));
        _loan.Now = Environment.TickCount64;
        _turnBegan = _batchBegan = _loan.Now;
        int stopRequests = _stopRequests;

        // What is left out of a turn has its turn later, or is drained.
        while (_stopRequests == stopRequests && _loan.Now < _drainDeadline && !OwnTooMuch && _ring.TryTake(out io_uring_cqe completion))
        {
            Complete(completion);
            FlushIfLate();
        }

        AnswerWaiting(stopRequests);
    }

    private void Complete(in io_uring_cqe completion)
    {
        switch (Token.OperationOf(completion.user_data))
        {
            case Operation.Receive:
                OnReceive(completion);
                break;
            case Operation.SendOwed:
                OnSent(completion);
                break;
            case Operation.Accept:
                _listeners.OnAccept(completion, this);
                break;
            case Operation.Knock:
                _listeners.OnKnock(completion, this);
                break;
            case Operation.Stop:
                _stopRequests = _service.Stop.Requests();
                AwaitStop();
                break;
            default:
                break;
        }
    }

    private void OnReceive(in io_uring_cqe completion)
    {
        UringConnection connection = _connections[Token.IndexOf(completion.user_data)]!;

        // This first: it may settle the connection, for which no receive is to be begun before what this one brought is taken.
        if (completion.res is > 0 or -ENOBUFS)
            Prepare(connection);
        bool inPlace = connection.IsReceivingInPlace;
        if ((completion.flags & IORING_CQE_F_MORE) == 0)
        {
            connection.EndReceive();
            _receiving--;
        }

        if (completion.res > 0)
        {
            if (!connection.IsLeaving && inPlace)
                connection.TakeInPlace(completion.res, _loan);
            else if (!connection.IsLeaving)
                connection.Take(_buffers.Received(completion), _loan);
            _buffers.Return(completion);
            LetTimePass(connection);
        }
        else
        {
            _buffers.Return(completion);
            if (completion.res == 0)
                connection.EndInput();
            else if (completion.res == -ENOBUFS)
                ReceiveAtOnce(connection);
            else if (completion.res is not (-ECANCELED or -EAGAIN or -EINTR))
                Break(connection);
        }

        Settle(connection);
    }

    // The others have filled all provided buffers, and a few that keep their sockets full would do so in each turn: what has come for this
    // connection is read here, once, so that each has its share of a turn.
    private void ReceiveAtOnce(UringConnection connection)
    {
        if (_isStopping || connection.IsLeaving || connection.WantsInPlace || !connection.WantsInput(_service.Options))
            return;
        SyscallResult result = recv(connection.Descriptor, _ownBuffer, MSG_DONTWAIT);
        if (result.Value > 0)
        {
            connection.Take(_ownBuffer.AsSpan(0, (int)result.Value), _loan);
            LetTimePass(connection);
        }
        else if (result.Value == 0)
        {
            connection.EndInput();
        }
        else if (!result.Is(EAGAIN))
        {
            Break(connection);
        }
    }

    private void OnSent(in io_uring_cqe completion)
    {
        UringConnection connection = _connections[Token.IndexOf(completion.user_data)]!;
        connection.IsSending = false;
        if (completion.res >= 0)
            connection.Sent(completion.res, _loan);
        else if (completion.res is not (-ECANCELED or -EAGAIN or -EINTR))
            Break(connection);
        Settle(connection);
    }

    // A call may take seconds: whoever was answered after it, was answered now and not when the turn began.
    private void LetTimePass(UringConnection connection)
    {
        long now = Environment.TickCount64;
        if (connection.LastMoved == _loan.Now)
            connection.LastMoved = now;
        if ((_stopRequests == 0 && _service.Stop.IsPending) || now - _loan.Now >= LongCallMilliseconds)
            _stopRequests = _service.Stop.Requests();
        _loan.Now = now;
    }

    private void SweepIdle()
    {
        if (_loan.Now < _sweepDue)
            return;
        ServerOptions options = _service.Options;
        if (options.IdleTimeout > TimeSpan.Zero)
            _service.Counters.Add(Counter.IdleTimeouts, CloseSilent(_loan.Now, options.IdleTimeout, IsSilent));
        if (options.RequestTimeout > TimeSpan.Zero)
            _service.Counters.Add(Counter.RequestTimeouts, CloseLate(options.RequestTimeout));
        _sweepDue = _count > 0 ? _loan.Now + IdleSweep.Interval(options) : long.MaxValue;
    }

    private static bool IsSilent(UringConnection connection) =>
        !connection.IsAtWork && (!connection.IsReceiving || !IdleSweep.HasUnreadBytes(connection.Descriptor));

    // As of when the turn began: what has arrived while a long call ran is taken in the next.
    private int CloseLate(TimeSpan limit)
    {
        int closed = 0;
        long before = _turnBegan - (long)limit.TotalMilliseconds;
        foreach (UringConnection? connection in _connections)
        {
            if (connection is not { IsLeaving: false } || connection.RequestSince == 0)
                continue;
            if (!connection.IsReceiving)
            {
                connection.RequestSince = _turnBegan;   // it is not the peer that takes its time
            }
            else if (connection.RequestSince <= before)
            {
                Leave(connection);
                closed++;
            }
        }

        return closed;
    }

    private int CloseSilent(long now, TimeSpan limit, Func<UringConnection, bool> which)
    {
        int closed = 0;
        long before = now - (long)limit.TotalMilliseconds;
        foreach (UringConnection? connection in _connections)
        {
            if (connection is { IsLeaving: false } && connection.LastMoved < before && which(connection))
            {
                Leave(connection);
                closed++;
            }
        }

        return closed;
    }
}
