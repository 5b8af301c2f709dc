using Multiplex.Interop;
using Multiplex.Transports;
using static Multiplex.Interop.Libc;

namespace Multiplex.Uring;

/// <summary>How the loop ends: the last connections are taken in, what has arrived whole is answered, everything is closed.</summary>
internal sealed partial class UringLoop
{
    private const int DrainTickMilliseconds = 20;
    private const int GiveUpMilliseconds = 1000;

    private bool _isStopping;

    /// <summary>Closes everything: what is still open was cut off.</summary>
    public void Dispose()
    {
        _isStopping = true;
        _loan.Gathers = true;
        _listeners.Stop();
        foreach (UringConnection? connection in _connections)
        {
            if (connection is not { IsLeaving: false })
                continue;
            _service.Counters.Increment(Counter.CutOff);
            Leave(connection);
        }

        // Memory that the kernel may still read is not freed; but it gives everything up at once.
        Gather(() => _count > 0 || _listeners.IsAccepting, Environment.TickCount64 + GiveUpMilliseconds);
        _listeners.Dispose();
        _buffers.Dispose();
        _loan.Blocks.Dispose();
        _ring.Dispose();
    }

    private void Drain()
    {
        _service.Stopping();

        // Nothing is answered yet: what comes in is kept until the kernel has ended its part, and then each has its turn.
        _isStopping = true;
        _loan.Gathers = true;
        _listeners.Stop();
        Gather(() => _listeners.IsAccepting && _stopRequests < 2, long.MaxValue);
        _listeners.TakeTheLast(this);
        _loan.Now = Environment.TickCount64;
        _drainDeadline = _loan.Now + (long)_service.Options.DrainTime.TotalMilliseconds;
        foreach (UringConnection? connection in _connections)
        {
            if (connection is not null)
                Settle(connection);
        }

        Gather(() => _receiving > 0 && _stopRequests < 2, _drainDeadline);
        _loan.Gathers = false;
        foreach (UringConnection? connection in _connections)
        {
            if (_loan.Now >= _drainDeadline)
                break;
            if (connection is not { IsLeaving: false, IsReceivingInPlace: false })
                continue;

            // So much, and no more: a peer that never stops sending does not keep the server from stopping.
            connection.ArrivedUnread = SocketState.UnreadBytes(connection.Descriptor);
            connection.LastMoved = _loan.Now;
            Drain(connection);
        }

        while (_count > 0 && _stopRequests < 2 && _loan.Now < _drainDeadline)
        {
            Turn(Math.Min(_drainDeadline, Environment.TickCount64 + DrainTickMilliseconds));
            CloseLargest();
            foreach (UringConnection? connection in _connections)
            {
                if (connection is { IsDone: true })
                    Settle(connection);
                else if (connection is { IsLeaving: false, ArrivedUnread: >= 0 } && connection.WantsInput(_service.Options))
                    Drain(connection);
            }

            _service.Counters.Add(
                Counter.CutOff, CloseSilent(_turnBegan, _service.Options.DrainStall, connection => connection.Owed > 0 || connection.IsDone));
        }
    }

    // Works off completions for as long as some are awaited.
    private void Gather(Func<bool> isAwaited, long until)
    {
        while (isAwaited() && Environment.TickCount64 < until)
        {
            SubmitBatch(DrainTickMilliseconds);
            while (_ring.TryTake(out io_uring_cqe completion))
                Complete(completion);
        }
    }

    // Reads once of what had arrived, and has it answered; the end, when there is no more of it.
    private void Drain(UringConnection connection)
    {
        if (connection.ArrivedUnread > 0 && connection.WantsInput(_service.Options))
        {
            SyscallResult result = recv(connection.Descriptor, _ownBuffer, MSG_DONTWAIT);
            if (result.IsError && !result.Is(EAGAIN))
            {
                Break(connection);
                return;
            }

            connection.ArrivedUnread = Math.Max(0, connection.ArrivedUnread - (int)Math.Max(0, result.Value));
            if (result.Value <= 0)
                connection.ArrivedUnread = 0;
            else
                Take(connection, _ownBuffer.AsSpan(0, (int)result.Value));
        }

        if (connection.ArrivedUnread == 0)
            connection.EndInput();
        else
            _attention |= connection.WantsInput(_service.Options);
        Settle(connection);
    }

    private void Take(UringConnection connection, ReadOnlySpan<byte> bytes)
    {
        Prepare(connection);
        if (connection.IsLeaving)
            return;
        connection.Take(bytes, _loan);
        LetTimePass(connection);
    }
}
