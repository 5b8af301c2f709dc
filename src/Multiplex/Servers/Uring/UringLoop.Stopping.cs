using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Servers.Uring;

/// <summary>How the loop ends: the last connections are taken in, what has arrived whole is answered, everything is closed.</summary>
internal sealed partial class UringLoop
{
    private const int DrainTickMilliseconds = 20;
    private const int GiveUpMilliseconds = 1000;
    private const int DrainReads = 16;   // a peer that never stops sending does not keep the server from stopping

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
        _loan.Limit.Until = _drainDeadline;
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
            if (connection is { IsLeaving: false, IsReceivingInPlace: false })
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
            }

            _service.Counters.Add(
                Counter.CutOff, CloseSilent(_service.Options.DrainStall, connection => connection.Owed > 0 || connection.IsDone));
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

    // Answers what has arrived already, and reads no more afterwards.
    private void Drain(UringConnection connection)
    {
        connection.LastMoved = _loan.Now;
        for (int reads = 0; ; reads++)
        {
            while (!connection.IsLeaving && connection.MayAnswer(_service.Options) && _loan.Now < _drainDeadline)
            {
                connection.AnswerWaiting(_loan);
                LetTimePass(connection);
                Flush();
            }

            if (reads == DrainReads || connection.IsLeaving || !connection.WantsInput(_service.Options))
                break;
            SyscallResult result = recv(connection.Descriptor, _ownBuffer, MSG_DONTWAIT);
            if (result.Is(EAGAIN))
                break;
            if (result.IsError)
            {
                Break(connection);
                return;
            }

            if (result.Value == 0)
                break;
            connection.Take(_ownBuffer.AsSpan(0, (int)result.Value), _loan);
            LetTimePass(connection);
            Flush();
        }

        if (connection.IsLeaving)
            return;
        connection.EndInput();
        Settle(connection);
    }
}
