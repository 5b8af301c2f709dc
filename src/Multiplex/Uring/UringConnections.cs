using Multiplex.Engine;
using Multiplex.Interop;
using Multiplex.Transports;
using static Multiplex.Interop.Libc;

namespace Multiplex.Uring;

/// <summary>The connections of a ring, by descriptor: for each, the operations that it needs are under way, until it is closed and nothing is.</summary>
internal sealed class UringConnections(Service service, LoopContext context, SubmissionQueue submissions)
{
    private const int UsualWaiting = 64;

    private readonly MemoryLimit _memory = new(service);
    private List<UringConnection> _taken = new(UsualWaiting);
    private UringConnection?[] _byDescriptor = new UringConnection?[64];
    private readonly PriorityQueue<UringConnection, long> _held = new();
    private bool _isStopping;

    /// <summary>When the next connection is to go on whose client has made as many calls as it may, in milliseconds of <see cref="SessionContext.Now"/>.</summary>
    public long ResumeDue => _held.TryPeek(out _, out long due) ? due : long.MaxValue;

    /// <summary>How many there are.</summary>
    public int Count { get; private set; }

    /// <summary>How many receives are under way.</summary>
    public int Receiving { get; private set; }

    /// <summary>Those whose requests wait to be answered.</summary>
    public List<UringConnection> Waiting { get; private set; } = new(UsualWaiting);

    /// <summary>Whether something is to be done once the batch is sent, so that the loop does not wait.</summary>
    public bool NeedAttention { get; set; }

    /// <summary>Whether what has come is kept, to be answered once the kernel has ended its part.</summary>
    public bool IsGathering { get; set; }

    /// <summary>Whether the server is stopping, and a connection is closed only once its peer has everything.</summary>
    public bool IsDraining { get; set; }

    /// <summary>Whether they own more memory than they may.</summary>
    public bool OwnTooMuch => _memory.IsExceeded;

    /// <summary>All of them, by descriptor; null where there is none.</summary>
    public ReadOnlySpan<UringConnection?> All => _byDescriptor;

    /// <summary>The connection of an operation.</summary>
    public UringConnection Find(int descriptor) => _byDescriptor[descriptor]!;

    /// <summary>Takes one over that was accepted.</summary>
    public void Add(UringConnection connection)
    {
        int descriptor = connection.Descriptor;
        if (descriptor >= _byDescriptor.Length)
            Array.Resize(ref _byDescriptor, Math.Max(descriptor + 1, 2 * _byDescriptor.Length));
        connection.Session.Begin(context, context.Now);
        _byDescriptor[descriptor] = connection;
        Count++;
        UpdateInterest(connection);
    }

    /// <summary>Begins no receive any more, and has kept what the others bring.</summary>
    public void StopReceiving() => _isStopping = IsGathering = true;

    /// <summary>Those whose requests wait, until the next call; meanwhile others may come to wait.</summary>
    public List<UringConnection> TakeWaiting()
    {
        _taken.Clear();
        (Waiting, _taken) = (_taken, Waiting);
        return _taken;
    }

    /// <summary>After anything that has happened to a connection: ends it, or sees that what it waits for is under way.</summary>
    public void UpdateInterest(UringConnection connection)
    {
        if (connection.Queued >= 0)
        {
            if (!_isStopping && connection.MayPollAhead(service.Options))
                Receive(connection);
            NeedAttention |= connection.AwaitsBatch;
        }
        else if (connection.IsLeaving)
            Release(connection);
        else if (connection.Session.Closed is { } reason
            && (!IsDraining || TcpDrain.TryFinish(connection.Descriptor, connection.Session, ref connection.Unacknowledged, context.Now)))
            Leave(connection, reason);
        else
            Watch(connection);
    }

    private void Watch(UringConnection connection)
    {
        _memory.Count(ref connection.CountedMemory, connection.Session.Memory);
        int descriptor = connection.Descriptor;
        bool wantsInput = !_isStopping && connection.WantsInput(service.Options);
        if (wantsInput && !connection.IsReceiving)
        {
            Receive(connection);
        }
        else if (connection is { IsReceiving: true, IsReceiveCancelled: false } && (!wantsInput || (connection.WantsPoll && !connection.IsPolled)))
        {
            connection.IsReceiveCancelled = true;   // until it has ended, what it brings is kept
            submissions.Cancel(connection.IsPolled ? Operation.Readable : Operation.Receive, descriptor);
        }

        if (connection.Session.PendingBytes > 0 && !connection.AwaitsWritability)
        {
            connection.AwaitsWritability = true;
            submissions.Poll(descriptor, POLLOUT, Operation.Writable, descriptor);
        }

        if (connection.Session.HeldFor > 0 && !connection.IsHeld)
        {
            connection.IsHeld = true;
            _held.Enqueue(connection, context.Now + connection.Session.HeldFor);
        }

        if (connection.IsListed || IsGathering || !connection.MayContinue(service.Options))
            return;
        connection.IsListed = true;
        Waiting.Add(connection);
    }

    /// <summary>Goes on with those whose clients may make calls again.</summary>
    public void ResumeHeld()
    {
        while (ResumeDue <= context.Now)
        {
            UringConnection connection = _held.Dequeue();
            connection.IsHeld = false;
            connection.Session.HeldFor = 0;
            if (!connection.IsLeaving)
                UpdateInterest(connection);
        }
    }

    // One operation for all that is ever received, or a poll for a message or what has come of a long request.
    private void Receive(UringConnection connection)
    {
        connection.IsReceiving = true;
        Receiving++;
        connection.IsPolled = connection.WantsPoll;
        if (connection.IsPolled)
            submissions.Poll(connection.Descriptor, POLLIN, Operation.Readable, connection.Descriptor);
        else
            submissions.Receive(connection.Descriptor);
    }

    /// <summary>Sends replies that are pending, as far as the peer takes them.</summary>
    public void SendPending(UringConnection connection)
    {
        if (connection.IsLeaving || connection.Session.PendingBytes == 0)
            return;
        SyscallResult result;
        do
        {
            result = send(connection.Descriptor, connection.Session.Pending(context), MSG_NOSIGNAL | MSG_DONTWAIT);
            if (result.IsError && !result.Is(EAGAIN))
                Leave(connection, CloseReason.Broken);
            else
                connection.Session.Sent((int)Math.Max(0, result.Value), context);
        }
        while (!result.IsError && connection.Session is { KeepsMessages: true, PendingBytes: > 0 });
    }

    /// <summary>Closes a connection, once nothing of it is under way: an operation holds on to its socket, and the peer sees no end before.</summary>
    public void Leave(UringConnection connection, CloseReason reason)
    {
        if (connection.IsLeaving)
            return;
        service.Counters.Count(reason, connection.Session);
        connection.IsLeaving = true;
        NeedAttention |= connection.Queued >= 0;
        if ((connection.IsReceiving || connection.AwaitsWritability) && !connection.IsAbandoned)
        {
            connection.IsAbandoned = true;
            submissions.CancelAll(connection.Descriptor);
        }

        Release(connection);
    }

    private void Release(UringConnection connection)
    {
        bool isReleased = _byDescriptor[connection.Descriptor] != connection;
        if (isReleased || connection.IsReceiving || connection.AwaitsWritability || connection.Queued >= 0)
            return;
        _byDescriptor[connection.Descriptor] = null;
        Count--;
        _memory.Count(ref connection.CountedMemory, 0);
        SocketState.SendLast(connection.Descriptor, connection.Session.Farewell(context));
        connection.Session.Release(context);
        service.Counters.Increment(Counter.Closed);   // before the client can see it
        close(connection.Descriptor);
    }

    /// <summary>Closes those that own most until all together own no more than they may. Their memory is free once nothing is under way.</summary>
    public void CloseLargest()
    {
        while (_memory.IsExceeded)
        {
            UringConnection largest = _byDescriptor.MaxBy(connection => connection?.CountedMemory ?? -1)!;
            _memory.Count(ref largest.CountedMemory, 0);
            Leave(largest, CloseReason.MemoryLimit);
        }
    }

    /// <summary>Closes those that are silent, or of which a request takes too long to arrive.</summary>
    /// <param name="turnBegan">When the turn began: what has arrived while a long call ran is taken in the next.</param>
    public void CloseSilent(long turnBegan)
    {
        foreach (UringConnection? connection in _byDescriptor)
        {
            if (connection is not { IsLeaving: false, Session: var session })
                continue;
            if (IdleSweep.Check(session, connection.Descriptor, connection.IsReceiving, context.Now, turnBegan, service.Options) is { } reason)
                Leave(connection, reason);
        }
    }

    /// <summary>A receive has ended.</summary>
    public void EndReceive(UringConnection connection)
    {
        connection.IsReceiving = connection.IsPolled = connection.IsReceiveCancelled = false;
        Receiving--;
    }
}
