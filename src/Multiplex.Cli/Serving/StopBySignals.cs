using Multiplex.Cli.Output;
using Multiplex.Interop;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Cli.Serving;

/// <summary>
/// How a server that does not fork is stopped: a thread that is there from the start takes the signals, for at the limit on processes none
/// can be started. The first signal requests a stop. The second ends the process; so does the end of the time to drain, when calls take longer
/// and the server's own threads are in them.
/// </summary>
internal sealed class StopBySignals
{
    private const int GraceMilliseconds = 500;   // a server that can cuts its connections off by itself

    private readonly StopSignal.Requestable _stop;
    private readonly int _drainMilliseconds;
    private readonly ServerCounters _counters;
    private readonly StopSignal _signals = StopSignal.BySignal();
    private readonly Lock _ending = new();
    private bool _hasEnded;

    /// <summary>Starts to watch. What it is given must live as long as the process.</summary>
    /// <param name="stop">What the first signal requests.</param>
    /// <param name="drain">How long the server may take to stop.</param>
    /// <param name="counters">The counters that are reported when the process ends here.</param>
    public StopBySignals(StopSignal.Requestable stop, TimeSpan drain, ServerCounters counters)
    {
        (_stop, _counters) = (stop, counters);
        _drainMilliseconds = (int)drain.TotalMilliseconds;
        new Thread(Watch) { IsBackground = true, Name = "signals" }.Start();
    }

    /// <summary>The sockets whose names go with the process, once they are open.</summary>
    public ServerSockets? Sockets { get; set; }

    /// <summary>Says what a server has counted, when it has stopped.</summary>
    public static void Report(ServerCounters counters) => StandardStream.Error.WriteLine($"stopped {counters.Summary()}".TrimEnd());

    /// <summary>The server has stopped by itself: nothing else ends the process.</summary>
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
        long end = Environment.TickCount64 + _drainMilliseconds + GraceMilliseconds;
        for (long left; signals == 1 && (left = end - Environment.TickCount64) > 0;)
            signals = AwaitSignal((int)Math.Min(left, int.MaxValue));
        lock (_ending)
        {
            if (!_hasEnded)
                EndProcess(signals > 1 ? ExitStatus.Failed : ExitStatus.Done);
        }
    }

    // Returns how many have come so far.
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
        Report(_counters);
        _exit(status);
    }
}
