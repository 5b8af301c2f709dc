namespace Multiplex.Rpc.Client.Calls;

/// <summary>Times calls out, and has them sent again. All members are called under the connection's gate.</summary>
/// <remarks>
/// The calls are looked through when the earliest timer may be due: at most once in a millisecond, and with long timers hardly ever. That
/// costs less than to keep them in order, as nearly every call ends before its timer.
/// </remarks>
/// <param name="calls">The calls in flight.</param>
/// <param name="queue">What is to be sent.</param>
/// <param name="options">The retries.</param>
/// <param name="isDatagram">Whether calls may be lost, and are sent again.</param>
internal sealed class CallTimers(PendingCalls calls, SendQueue queue, RpcClientOptions options, bool isDatagram)
{
    private long _earliest = long.MaxValue;   // no timer of a call is due before that

    /// <summary>Calls, sent on this connection, that timed out one after the other while nothing was received.</summary>
    public int TimeoutsInRow { get; private set; }

    /// <summary>Calls that were sent again.</summary>
    public long Retransmissions { get; private set; }

    /// <summary>When <see cref="Run"/> may have something to do, in milliseconds of <see cref="Environment.TickCount64"/>.</summary>
    public long Due => calls.Count > 0 ? _earliest : long.MaxValue;

    /// <summary>Something was received, or the connection is another one.</summary>
    public void ResetTimeouts() => TimeoutsInRow = 0;

    /// <summary>Sets the timers of a call.</summary>
    public void Set(PendingCall call, TimeSpan timeout)
    {
        long now = Environment.TickCount64;
        call.Timeout = timeout;
        call.Deadline = now + Milliseconds.Of(timeout);
        call.Wait = Milliseconds.Of(options.FirstRetry);
        Watch(call, repeats: isDatagram, now);
    }

    /// <summary>
    /// Sends a call again until it is answered. While the server still runs what came over the old connection, it drops the repeat, and its reply
    /// is lost with that connection: one repeat is not enough.
    /// </summary>
    public void RepeatUntilAnswered(PendingCall call) => Watch(call, repeats: true, Environment.TickCount64);

    /// <summary>Has a call wait for its next attempt.</summary>
    /// <param name="call">The call, which has failed.</param>
    /// <param name="until">When it is made again.</param>
    public void Pause(PendingCall call, long until)
    {
        call.IsPaused = true;
        call.ResendAt = until;
        call.Wait = Milliseconds.Of(options.FirstRetry);
        _earliest = Math.Min(_earliest, call.Due);
    }

    /// <summary>Queues again what is to be repeated.</summary>
    /// <returns>The calls whose time is over, still in flight; null when there are none.</returns>
    public List<PendingCall>? Run()
    {
        long now = Environment.TickCount64, earliest = long.MaxValue;
        if (now < _earliest)
            return null;
        List<PendingCall>? late = null;
        bool isOldest = true;   // of the calls that the server may still be running
        foreach (PendingCall call in calls.InOrder())
        {
            bool isSent = queue.IsSent(call);
            if (now >= call.Deadline)
            {
                (late ??= []).Add(call);
                TimeoutsInRow += isOldest && isSent ? 1 : 0;
                call.WasSent |= isSent;
                continue;
            }

            isOldest &= !isSent;
            if (call.IsPaused && now >= call.ResendAt)
                Resume(call, now);
            else if (call.Repeats && now >= call.ResendAt)
                Repeat(call, isSent, now);
            earliest = Math.Min(earliest, call.Due);
        }

        _earliest = earliest;
        return late;
    }

    private void Watch(PendingCall call, bool repeats, long now)
    {
        call.Repeats = repeats;
        call.ResendAt = now + call.Wait;
        _earliest = Math.Min(_earliest, call.Due);
    }

    private void Resume(PendingCall call, long now)
    {
        call.IsPaused = false;
        call.ResendAt = now + call.Wait;
        if (queue.IsOpen)
            queue.Add(call);   // otherwise it is sent on the connection that is being made
    }

    private void Repeat(PendingCall call, bool isSent, long now)
    {
        if (isSent)
        {
            call.WasSent = true;
            call.Wait = Math.Min(2 * call.Wait, Milliseconds.Of(options.LongestRetry));
            queue.Landed(call);
            queue.Add(call);
            Retransmissions++;
        }

        call.ResendAt = now + call.Wait;   // a call that was not sent yet waits to be sent as it is
    }
}

/// <summary>Times as the client's timers count them.</summary>
internal static class Milliseconds
{
    /// <summary>A time in milliseconds, rounded up; an infinite one is int.MaxValue.</summary>
    public static long Of(TimeSpan time) =>
        time == Timeout.InfiniteTimeSpan ? int.MaxValue : (long)Math.Min(Math.Ceiling(time.TotalMilliseconds), int.MaxValue);
}
