using Multiplex.Engine;
using Multiplex.Interop;
using Multiplex.Sockets;
using Multiplex.Transports;
using static Multiplex.Interop.Libc;

namespace Multiplex.Uring;

/// <summary>
/// One thread, one loop, one call a turn: submit the replies of the last turn and what else the kernel is to do, wait,
/// work off what has come. Nothing is asked for whether it is ready; the kernel receives and accepts by itself.
/// </summary>
internal sealed class UringLoop : IDisposable
{
    private const int Entries = 1024;
    private const int Completions = 8192;
    private const int GiveUpMilliseconds = 1000;

    private readonly Service _service;
    private readonly LoopContext _context;
    private readonly Ring _ring;
    private readonly SubmissionQueue _submissions;
    private readonly SendBatch _batch;
    private readonly ProvidedBuffers _buffers;
    private readonly UringListeners _listeners;
    private readonly UringConnections _connections;
    private readonly UringDatagrams _datagrams;
    private readonly RingFiles _files;
    private readonly PostedWork _posted = new();
    private readonly Heartbeat _heartbeat;
    private readonly List<UringConnection> _replied = [];
    private int _stopRequests;
    private long _turnBegan;
    private long _sweepDue = long.MaxValue;
    private long _drainDeadline = long.MaxValue;
    private long _firstRequestUntil;

    /// <summary>Makes the ring, on the thread that will serve.</summary>
    /// <exception cref="SyscallException">The kernel refuses io_uring.</exception>
    public UringLoop(Service service, UringBuffers buffers)
    {
        _service = service;
        _heartbeat = new(service);
        _context = new(service, _posted.Post);
        _ring = new(Entries, Completions) { Spin = new(service.Options.Spin) };
        _submissions = new(_ring);
        _buffers = new(_ring, buffers);
        _listeners = new(_submissions, service);
        _connections = new(service, _context, _submissions);
        _datagrams = new(service, _context.Late!, _submissions);
        _batch = new(_context, _ring, _submissions, _connections);
        AsyncFiles.OfThisThread = _files = new(_ring, _submissions);
    }

    /// <summary>Asks whether there can be a loop.</summary>
    /// <exception cref="SyscallException">The kernel refuses io_uring.</exception>
    public static void Probe() => new Ring(Entries, Completions).Dispose();

    /// <summary>Serves until a stop is requested, drains, and closes everything.</summary>
    public void Run()
    {
        AwaitStop();
        AwaitPosts();
        _listeners.Start();
        _datagrams.Start();
        _ring.Submit();
        _service.Ready();
        while (_stopRequests == 0)
        {
            Turn(Math.Min(Math.Min(_sweepDue, _heartbeat.Due), _connections.ResumeDue));
            _connections.ResumeHeld();
            _heartbeat.Beat();
            _connections.CloseLargest();
            SweepIdle();
        }

        Drain();
    }

    /// <summary>Takes over a connection that was accepted.</summary>
    public void Admit(int descriptor, PeerAddress peer)
    {
        if (!_service.HasRoom)
        {
            _service.Counters.Increment(Counter.Refused);   // before the client can see it
            close(descriptor);
            return;
        }

        _service.Counters.Increment(Counter.Accepted);
        _connections.Add(new(descriptor, peer, this));
        if (_sweepDue == long.MaxValue && IdleSweep.IsNeeded(_service.Options))
            _sweepDue = _context.Now + IdleSweep.Interval(_service.Options);
    }

    /// <summary>Closes everything: what is still open was cut off.</summary>
    public void Dispose()
    {
        _connections.StopReceiving();
        _datagrams.Stop();
        _listeners.Stop();
        foreach (UringConnection? connection in _connections.All)
        {
            if (connection is { IsLeaving: false })
                _connections.Leave(connection, CloseReason.CutOff);
        }

        // Memory that the kernel may still write to is not freed; but it gives everything up at once.
        AsyncFiles.OfThisThread = null;
        Gather(
            () => _connections.Count > 0 || _listeners.IsAccepting || _datagrams.IsPolling || _files.InProgress > 0,
            Environment.TickCount64 + GiveUpMilliseconds);
        _listeners.Dispose();
        _datagrams.Dispose();
        _buffers.Dispose();
        _ring.Dispose();
        _posted.Dispose();
    }

    // Waits until there is a completion, at most until a moment, and works off what there is.
    private void Turn(long until)
    {
        bool waits = !_connections.NeedAttention && _connections.Waiting.Count == 0 && !_datagrams.HasWork;
        _batch.Submit(!waits ? 0 : until == long.MaxValue ? -1 : Math.Max(0, until - Environment.TickCount64));
        _context.Now = Environment.TickCount64;
        _turnBegan = _context.Now;
        _batch.Begin();
        int stopRequests = _stopRequests;

        // What is left out of a turn has its turn later, or is drained.
        while (_stopRequests == stopRequests && _context.Now < _drainDeadline && !_connections.OwnTooMuch
            && _ring.TryTake(out io_uring_cqe completion))
        {
            Complete(completion);
            _batch.FlushIfLate();
        }

        ContinueWaiting(stopRequests);
        ServeDatagrams(stopRequests);
    }

    private void Complete(in io_uring_cqe completion)
    {
        switch (UserData.OperationOf(completion.user_data))
        {
            case Operation.Receive:
                OnReceived(completion);
                break;
            case Operation.Readable:
                OnReadable(completion);
                break;
            case Operation.Writable:
                OnWritable(completion);
                break;
            case Operation.Accept:
                _listeners.OnAccept(completion, this);
                break;
            case Operation.Pending:
                _listeners.OnPending(completion, this);
                break;
            case Operation.Datagrams:
                _datagrams.OnReadable(completion);
                break;
            case Operation.File:
                _files.OnCompleted(UserData.IndexOf(completion.user_data), completion.res);
                break;
            case Operation.Stop:
                _stopRequests = _service.Stop.Requests();
                AwaitStop();
                break;
            case Operation.Posted:
                OnPosted();
                AwaitPosts();
                break;
            default:
                break;
        }
    }

    /// <summary>A reply of a connection that came later is there.</summary>
    public void Complete(UringConnection connection, LateReply reply)
    {
        connection.Session.Complete(reply, _context);
        _replied.Add(connection);
    }

    // Replies that came later are sent at once: those that they come behind are.
    private void OnPosted()
    {
        _batch.Flush();
        _posted.Run();
        foreach (UringConnection connection in _replied)
        {
            if (!connection.AwaitsWritability)
                _connections.SendPending(connection);
            _connections.UpdateInterest(connection);
        }

        _replied.Clear();
    }

    // Bytes are in a provided buffer, or a receive has ended.
    private void OnReceived(in io_uring_cqe completion)
    {
        UringConnection connection = _connections.Find(UserData.IndexOf(completion.user_data));

        // This first: it may settle the connection, for which no receive is to be begun before what this one brought is taken.
        if (completion.res is > 0 or -ENOBUFS)
            _batch.MakeRoomFor(connection);
        if ((completion.flags & IORING_CQE_F_MORE) == 0)
            _connections.EndReceive(connection);
        if (completion.res > 0 && !connection.IsLeaving)
        {
            connection.Session.ReceivedElsewhere(_buffers.Received(completion), _context, isAnswered: !_connections.IsGathering);
            HasAnswered(connection);
        }

        _buffers.Return(completion);

        // Without a buffer left: the others have filled all of them, and a few that keep their sockets full would do so in each turn. What has
        // come for this connection is received here, once, so that each has its share of a turn.
        if (completion.res == 0)
        {
            connection.Session.Received(0, _context);
            connection.NoticeHangUp();
        }
        else if (completion.res == -ENOBUFS && !connection.WantsPoll)
        {
            ReceiveNow(connection);
        }
        else if (completion.res < 0 && completion.res is not (-ENOBUFS or -ECANCELED or -EAGAIN or -EINTR))
        {
            _connections.Leave(connection, CloseReason.Broken);
        }

        _connections.UpdateInterest(connection);
    }

    // A message has come, or more of a long request.
    private void OnReadable(in io_uring_cqe completion)
    {
        UringConnection connection = _connections.Find(UserData.IndexOf(completion.user_data));
        _batch.MakeRoomFor(connection);
        _connections.EndReceive(connection);
        if (completion.res >= 0)
            ReceiveNow(connection);
        _connections.UpdateInterest(connection);
    }

    // The peer takes replies that were left over by the batch.
    private void OnWritable(in io_uring_cqe completion)
    {
        UringConnection connection = _connections.Find(UserData.IndexOf(completion.user_data));
        connection.AwaitsWritability = false;
        if (completion.res >= 0)
            _connections.SendPending(connection);
        _connections.UpdateInterest(connection);
    }

    // Receives what is there, and has it answered.
    private void ReceiveNow(UringConnection connection)
    {
        Session session = connection.Session;
        if (_connections.IsGathering || connection.IsLeaving || !session.WantsInput(_service.Options))
            return;

        // MSG_TRUNC: of a message, the whole length.
        SyscallResult result = recv(
            connection.Descriptor, session.GetReceiveBuffer(_context), session.KeepsMessages ? MSG_DONTWAIT | MSG_TRUNC : MSG_DONTWAIT);
        if (result.IsError && !result.Is(EAGAIN))
        {
            _connections.Leave(connection, CloseReason.Broken);
        }
        else if (!result.IsError || session.IsDraining)
        {
            session.Received((int)Math.Max(0, result.Value), _context);
            if (result.Value == 0)
                connection.NoticeHangUp();
            HasAnswered(connection);
        }
    }

    // A session has had its turn: its replies are sent with the batch.
    private void HasAnswered(UringConnection connection)
    {
        _batch.Add(connection);
        UpdateClock(connection.Session);
    }

    // A call may take seconds: what was sent after it, was sent now and not when the turn began.
    private void UpdateClock(Session? session = null)
    {
        long now = Environment.TickCount64;
        if (session?.LastMoved == _context.Now)
            session.LastMoved = now;
        if ((_stopRequests == 0 && _service.Stop.IsPending) || now - _context.Now >= LoopServer.LongCallMilliseconds)
            _stopRequests = _service.Stop.Requests();
        _context.Now = now;
    }

    private void ContinueWaiting(int stopRequests)
    {
        if (_connections.Waiting.Count == 0)
            return;

        // What is ready does not wait for calls that may take long.
        _batch.Flush();
        foreach (UringConnection connection in _connections.TakeWaiting())
        {
            connection.IsListed = false;
            _batch.MakeRoomFor(connection);
            bool isOver = _stopRequests != stopRequests || _context.Now >= _drainDeadline;
            if (!isOver && !connection.IsLeaving && connection.MayContinue(_service.Options))
                Continue(connection);
            _connections.UpdateInterest(connection);
            _batch.FlushIfLate();
        }
    }

    private void Continue(UringConnection connection)
    {
        if (SocketState.HasFailed(connection.Descriptor))
        {
            _connections.Leave(connection, CloseReason.Broken);
            return;
        }

        connection.Session.Continue(_context);
        HasAnswered(connection);
    }

    // After the connections, whose replies do not wait for them.
    private void ServeDatagrams(int stopRequests)
    {
        if (!_datagrams.HasWork)
            return;
        _batch.Flush();
        int atMost = _connections.Count > 0 ? DatagramHandler.AmongConnections : int.MaxValue;
        for (int i = 0; i < _datagrams.Count && _stopRequests == stopRequests && _context.Now < _drainDeadline; i++)
        {
            if (_datagrams.Serve(i, atMost))
                UpdateClock();
        }
    }

    private void AwaitPosts() => _submissions.Poll(_posted.Descriptor, POLLIN, Operation.Posted, 0);

    private void AwaitStop() => _submissions.Poll(_service.Stop.Descriptor, POLLIN, Operation.Stop, 0);

    private void SweepIdle()
    {
        if (_context.Now < _sweepDue)
            return;
        _connections.CloseSilent(_turnBegan);
        _service.Rest();
        _sweepDue = Service.MayRest(hasConnections: _connections.Count > 0) ? _context.Now + IdleSweep.Interval(_service.Options) : long.MaxValue;
    }

    private void Drain()
    {
        _service.BeginStop();

        // Nothing is answered yet: what comes in is kept until the kernel has ended its part, and then each has its turn.
        _connections.StopReceiving();
        _datagrams.Stop();
        _listeners.Stop();
        Gather(() => _listeners.IsAccepting && _stopRequests < 2, long.MaxValue);
        _listeners.TakeTheLast(this);
        _context.Now = Environment.TickCount64;
        _connections.IsDraining = true;
        _drainDeadline = _context.Now + (long)_service.Options.DrainTime.TotalMilliseconds;
        _firstRequestUntil = _context.Now + (long)_service.FirstRequestTime.TotalMilliseconds;
        _datagrams.BeginDrain();
        foreach (UringConnection? connection in _connections.All)
        {
            if (connection is not null)
                _connections.UpdateInterest(connection);
        }

        Gather(() => _connections.Receiving > 0 && _stopRequests < 2, _drainDeadline);
        _connections.IsGathering = false;
        foreach (UringConnection? connection in _connections.All)
        {
            if (_context.Now >= _drainDeadline)
                break;
            if (connection is { IsLeaving: false })
                DrainOnce(connection);
        }

        while ((_connections.Count > 0 || _datagrams.IsBusy) && _stopRequests < 2 && _context.Now < _drainDeadline)
            DrainTurn();

        // Calls that are cancelled have a moment to end, and their callers to learn of it.
        if (_context.Late!.InFlight == 0)
            return;
        foreach (UringConnection? connection in _connections.All)
            connection?.Session.CancelLate(hasEnded: false);
        _datagrams.CancelLate();
        _drainDeadline = _context.Now + LateReply.AfterCancelMilliseconds;
        while ((_connections.Count > 0 || _datagrams.HasLate) && _context.Late.InFlight > 0 && _context.Now < _drainDeadline)
            DrainTurn();
    }

    private void DrainTurn()
    {
        Turn(Math.Min(_drainDeadline, Environment.TickCount64 + LoopServer.DrainTickMilliseconds));
        _connections.CloseLargest();
        foreach (UringConnection? connection in _connections.All)
        {
            if (connection is not { IsLeaving: false, Session: var session })
                continue;
            if (session.Closed is not null)
                _connections.UpdateInterest(connection);
            else if (session.WantsInput(_service.Options))
                DrainOnce(connection);
            if (!connection.IsLeaving && IdleSweep.IsStalled(session, _turnBegan, _service.Options))
                _connections.Leave(connection, CloseReason.CutOff);
        }
    }

    // Works off completions for as long as some are awaited.
    private void Gather(Func<bool> isAwaited, long until)
    {
        while (isAwaited() && Environment.TickCount64 < until)
        {
            _batch.Submit(LoopServer.DrainTickMilliseconds);
            while (_ring.TryTake(out io_uring_cqe completion))
                Complete(completion);
        }
    }

    // Receives once of what had arrived, and has it answered: so much, and no more, for a peer may never stop sending.
    private void DrainOnce(UringConnection connection)
    {
        Session session = connection.Session;
        if (!session.IsDraining && !(session.IsUntouched && _context.Now < _firstRequestUntil))
        {
            session.BeginDrain(SocketState.UnreadBytes(connection.Descriptor));
            session.LastMoved = _context.Now;
        }

        _batch.MakeRoomFor(connection);
        ReceiveNow(connection);
        _connections.NeedAttention |= session.IsDraining && session.WantsInput(_service.Options);
        _connections.UpdateInterest(connection);
    }
}
