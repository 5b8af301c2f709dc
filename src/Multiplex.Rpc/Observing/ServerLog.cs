using Microsoft.Extensions.Logging;
using Multiplex.Rpc.Server;
using Multiplex.Sockets;

namespace Multiplex.Rpc.Observing;

/// <summary>Writes a server's log: where it listens, how it ended, each failure of a procedure, and once a second what it refused.</summary>
internal sealed partial class ServerLog : IDisposable
{
    private static readonly TimeSpan s_period = TimeSpan.FromSeconds(1);

    // The effects of limits that clients notice: the operator can see them in the log.
    private static readonly (Counter Counter, string What)[] s_limits =
    [
        (Counter.Refused, "connections refused: too many were open, or no descriptor was left"),
        (Counter.ProtocolErrors, "connections closed, or datagrams dropped, because the bytes were no request"),
        (Counter.IdleTimeouts, "connections closed for having been silent too long"),
        (Counter.RequestTimeouts, "connections closed because a request took too long to arrive"),
        (Counter.MemoryClosed, "connections closed because all together owned too much memory"),
        (Counter.DatagramsDropped, "datagrams dropped because too many of one source were in progress"),
        (Counter.CallQueueFull, "times that a connection was not read from because too many calls waited for a worker"),
        (Counter.CallsInFlightFull, "times that a connection was not read from because too many calls were in flight"),
        (Counter.AcceptPaused, "pauses in accepting connections: the queue or the number of children was at its limit"),
        (Counter.CutOff, "connections cut off because the time to drain was over"),
        (Counter.ReplyCacheEvictions, "replies forgotten before their time, because there was no room for more"),
        (Counter.ReplyCacheRefusals, "calls refused because there was no room to remember them"),
    ];

    private readonly ILogger _logger;
    private readonly ServerCounters _counters;
    private readonly long[] _told = new long[s_limits.Length];
    private readonly Lock _gate = new();
    private readonly Timer? _timer;

    /// <summary>Writes to this log; if warnings are enabled, also the effect of limits, until this is disposed of.</summary>
    /// <param name="logger">The log.</param>
    /// <param name="counters">What the server counts.</param>
    /// <param name="isPeriodic">Whether a timer checks the limits each second: not in a process that forks, whose other threads must be idle.</param>
    public ServerLog(ILogger logger, ServerCounters counters, bool isPeriodic)
    {
        (_logger, _counters) = (logger, counters);
        if (isPeriodic && logger.IsEnabled(LogLevel.Warning))
            _timer = new(static log => ((ServerLog)log!).TellLimits(), this, s_period, s_period);
    }

    /// <summary>The server accepts connections.</summary>
    public void Started(string model, IReadOnlyList<Endpoint> endpoints) => Started(_logger, model, string.Join(", ", endpoints));

    /// <summary>The server has ended.</summary>
    /// <param name="failure">Why it failed; null when it was stopped.</param>
    public void Ended(Exception? failure)
    {
        TellLimits();
        if (failure is not null)
            Failed(_logger, failure.Message, failure);
        else if (_logger.IsEnabled(LogLevel.Information))
            Stopped(_logger, _counters.Summary());
    }

    /// <summary>A procedure has thrown.</summary>
    public static void ProcedureFailed(ILogger logger, Exception failure) => ProcedureFailed(logger, failure.Message, failure);

    /// <summary>Stops logging limits.</summary>
    public void Dispose() => _timer?.Dispose();

    private void TellLimits()
    {
        if (!_logger.IsEnabled(LogLevel.Warning))
            return;
        lock (_gate)
        {
            for (int i = 0; i < s_limits.Length; i++)
            {
                (Counter counter, string what) = s_limits[i];
                long now = _counters[counter], more = now - _told[i];
                if (more > 0)
                    Limited(_logger, more, what, counter, now);
                _told[i] = now;
            }
        }
    }

    [LoggerMessage(1, LogLevel.Information, "the server listens on {Endpoints}, on the model {Model}", EventName = "Started")]
    private static partial void Started(ILogger logger, string model, string endpoints);

    [LoggerMessage(2, LogLevel.Information, "the server has stopped: {Counters}", EventName = "Stopped")]
    private static partial void Stopped(ILogger logger, string counters);

    [LoggerMessage(3, LogLevel.Critical, "the server has failed: {Reason}", EventName = "Failed")]
    private static partial void Failed(ILogger logger, string reason, Exception failure);

    [LoggerMessage(4, LogLevel.Error, "a procedure has failed, and its caller gets SYSTEM_ERR: {Reason}", EventName = "ProcedureFailed")]
    private static partial void ProcedureFailed(ILogger logger, string reason, Exception failure);

    [LoggerMessage(5, LogLevel.Warning, "{Count} {What} ({Counter} is {Total})", EventName = "Limited")]
    private static partial void Limited(ILogger logger, long count, string what, Counter counter, long total);
}
