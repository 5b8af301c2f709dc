using Multiplex.Cli.Serving.Logs;
using Multiplex.Interop;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Cli.Serving;

/// <summary>
/// Stops a server that does not fork. A thread waits for the signals from the start, because at the limit on processes no thread
/// could be started later. The first signal requests a stop. The second ends the process; so does the end of the time to drain, if calls take longer
/// and occupy the server's own threads.
/// </summary>
internal sealed class StopBySignals
{
    private const int GraceMilliseconds = 500;   // time for a server to cut off its connections by itself, if it can

    private readonly StopSource _stop;
    private readonly ServerOptions _options;
    private readonly ServerCounters _counters;
    private readonly StopSignal _signals;
    private readonly Lock _ending = new();
    private bool _hasEnded;

    /// <summary>Starts the thread. The arguments must stay usable until the process ends.</summary>
    /// <param name="stop">What the first signal requests.</param>
    /// <param name="options">Their time to drain is how long the server may take to stop.</param>
    /// <param name="counters">The counters that are reported when the process ends here.</param>
    /// <param name="hangUp">What SIGHUP does in the place of a stop; null: it stops.</param>
    public StopBySignals(StopSource stop, ServerOptions options, ServerCounters counters, Action? hangUp = null)
    {
        (_stop, _options, _counters, _signals) = (stop, options, counters, StopSignal.BySignal(hangUp));
        new Thread(Watch) { IsBackground = true, Name = "signals" }.Start();
    }

    /// <summary>The sockets, once they are open; their names are removed when the process ends.</summary>
    public ServerSockets? Sockets { get; set; }

    /// <summary>The server has stopped by itself: this class no longer ends the process.</summary>
    public void Finish()
    {
        lock (_ending)
            _hasEnded = true;
    }

    private void Watch()
    {
        int signals = 0;
        while (signals == 0)
            signals = AwaitSignal(-1);
        _stop.Request();
        long end = Environment.TickCount64 + (long)_options.DrainTime.TotalMilliseconds + GraceMilliseconds;
        for (long left; signals == 1 && (left = end - Environment.TickCount64) > 0;)
            signals = AwaitSignal((int)Math.Min(left, int.MaxValue));
        lock (_ending)
        {
            if (!_hasEnded)
                EndProcess(signals > 1 ? ExitStatus.Failed : ExitStatus.Done);
        }
    }

    // Returns how many signals have arrived so far.
    private int AwaitSignal(int milliseconds)
    {
        Span<pollfd> set = [new() { fd = _signals.Descriptor, events = POLLIN }];
        SyscallResult result = poll(set, milliseconds);
        if (!result.Is(EINTR))
            result.OrThrow("poll");
        return _signals.Requests();
    }

    private void EndProcess(int status)
    {
        foreach (BoundSocket socket in Sockets?.All ?? [])
            socket.RemoveName();
        _counters.Add(Counter.CutOff, _counters[Counter.Accepted] - _counters[Counter.Closed]);
        Log.Counted(_counters);
        _exit(status);
    }
}
