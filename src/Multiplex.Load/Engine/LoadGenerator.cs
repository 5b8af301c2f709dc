using System.Diagnostics;
using System.Runtime.ExceptionServices;
using Multiplex.Load.Measuring;
using Multiplex.Load.Workload;
using static Multiplex.Interop.Libc;

namespace Multiplex.Load.Engine;

/// <summary>The progress of a run.</summary>
/// <param name="Elapsed">Time since its beginning, warm-up included.</param>
/// <param name="Total">The duration of the whole run.</param>
/// <param name="Replies">Right replies so far in the measured time.</param>
/// <param name="Errors">The errors so far.</param>
/// <param name="LastSecond">The last second that is over, if any.</param>
public readonly record struct LoadProgress(TimeSpan Elapsed, TimeSpan Total, long Replies, long Errors, LoadSecond? LastSecond);

/// <summary>Loads a server and measures its replies.</summary>
public static class LoadGenerator
{
    private const int ReportEveryMilliseconds = 200;

    /// <summary>Makes all connections, loads the server for the given time and returns the measurements.</summary>
    /// <param name="options">The load.</param>
    /// <param name="report">Called several times a second, on the calling thread.</param>
    /// <param name="cancelled">Ends the run early; the measurements up to then count.</param>
    /// <exception cref="IOException">The server cannot be reached: the host is not known, or a first connection or datagram was refused.</exception>
    public static LoadTally Run(LoadOptions options, Action<LoadProgress>? report = null, CancellationToken cancelled = default)
    {
        byte[] address = ServerProbe.Find(options);
        int threads = Math.Clamp(options.Threads, 1, Math.Max(options.Connections / options.Part.Count, 1));
        using LoadThreads running = new(options, address, threads, cancelled);
        running.Connect();
        long? beginsAt = options.BeginAt?.Invoke();
        if (options.WarmUp <= TimeSpan.Zero)
            options.Measuring?.Invoke(true, () => running.Replies);
        running.Begin(beginsAt, cancelled);
        LoadTally tally = new() { StartedAt = running.BeganAt + options.WarmUp };
        SecondCollector collector = new(running.Loops, tally.Latencies, options.Interval);
        Watch(options, running, collector, report);
        running.Join();
        foreach (LoadLoop loop in running.Loops)
            tally.Add(loop);
        tally.Seconds = collector.Finish();
        tally.IsInterrupted = cancelled.IsCancellationRequested;
        return tally;
    }

    private static void Watch(LoadOptions options, LoadThreads running, SecondCollector collector, Action<LoadProgress>? report)
    {
        long start = Stopwatch.GetTimestamp();
        bool begun = options.WarmUp <= TimeSpan.Zero, ended = false;
        while (true)
        {
            TimeSpan elapsed = Stopwatch.GetElapsedTime(start), total = options.WarmUp + options.Duration;
            double left = ended ? ReportEveryMilliseconds : ((begun ? total : options.WarmUp) - elapsed).TotalMilliseconds;
            bool finished = running.Wait((int)Math.Clamp(Math.Ceiling(left), 0, ReportEveryMilliseconds));
            elapsed = Stopwatch.GetElapsedTime(start);
            if (!begun && (finished || elapsed >= options.WarmUp))
            {
                begun = true;
                options.Measuring?.Invoke(true, () => running.Replies);
            }

            if (!ended && (finished || elapsed >= total))
            {
                ended = true;
                options.Measuring?.Invoke(false, () => running.Replies);
            }

            if (finished)
                return;
            collector.Collect();
            report?.Invoke(new(elapsed, total, begun ? running.Replies : 0, running.Errors, collector.Seconds is [.., var last] ? last : null));
        }
    }
}

/// <summary>
/// The client threads of a run: all connect, then all begin at the same moment. A failure of one ends them all. Their connections stay open until this
/// object is disposed of.
/// </summary>
internal sealed class LoadThreads : IDisposable
{
    private readonly LoadLoop[] _loops;   // each made by its thread
    private readonly LoadOptions _options;
    private readonly byte[] _address;
    private readonly CancellationTokenSource _stop;
    private readonly CountdownEvent _connected;
    private readonly CountdownEvent _finished;
    private readonly ManualResetEventSlim _begin = new();
    private readonly ManualResetEventSlim _leave = new();
    private readonly List<Thread> _threads = [];
    private ExceptionDispatchInfo? _failure;
    private long _start;

    public LoadThreads(LoadOptions options, byte[] address, int count, CancellationToken cancelled)
    {
        (_options, _address, _loops) = (options, address, new LoadLoop[count]);
        _stop = CancellationTokenSource.CreateLinkedTokenSource(cancelled);
        (_connected, _finished) = (new(count), new(count));
    }

    /// <summary>The loops of the threads, once <see cref="Connect"/> has returned.</summary>
    public IReadOnlyList<LoadLoop> Loops => _loops;

    /// <summary>Right replies so far.</summary>
    public long Replies => _loops.Sum(loop => loop.Recorder.Replies);

    /// <summary>What went wrong so far.</summary>
    public long Errors => _loops.Sum(loop => loop.Recorder.Errors.Total);

    /// <summary>Starts the threads, and returns once all connections are made.</summary>
    public void Connect()
    {
        for (int i = 0; i < _loops.Length; i++)
        {
            int index = i;
            _threads.Add(new Thread(() => Live(index)) { IsBackground = true, Name = "load" });
            _threads[i].Start();
        }

        _connected.Wait();
        if (_failure is null)
            return;
        _begin.Set();
        Join();
    }

    /// <summary>When the load began, by the clock on the wall.</summary>
    public DateTimeOffset BeganAt { get; private set; }

    /// <summary>Begins the load.</summary>
    /// <param name="at">When, a time of Stopwatch; null is now.</param>
    /// <param name="cancelled">Ends the wait for it.</param>
    public void Begin(long? at, CancellationToken cancelled)
    {
        if (at is not null)
            WaitUntil(at.Value, cancelled);
        const int Tries = 10;
        long between = long.MaxValue;
        for (int i = 0; i < Tries; i++)
        {
            // Reads both clocks with as little time between them as possible: the thread may lose its processor in between.
            long before = Stopwatch.GetTimestamp();
            DateTimeOffset now = DateTimeOffset.UtcNow;
            long after = Stopwatch.GetTimestamp();
            if (after - before < between)
                (BeganAt, _start, between) = (now, before + ((after - before) / 2), after - before);
        }

        if (at is not null)
            (BeganAt, _start) = (BeganAt.AddTicks((at.Value - _start) / TimeSpan.NanosecondsPerTick), at.Value);
        _begin.Set();
    }

    // A wait may last a millisecond longer than asked, so the last ones are not waited for but counted.
    private static void WaitUntil(long time, CancellationToken cancelled)
    {
        const int Milliseconds = 1_000_000, Counted = 2;
        for (long left; (left = time - Stopwatch.GetTimestamp()) > 0 && !cancelled.IsCancellationRequested;)
        {
            if (left > Counted * Milliseconds)
                cancelled.WaitHandle.WaitOne((int)Math.Min((left / Milliseconds) - 1, int.MaxValue));
            else
                Thread.Yield();
        }
    }

    /// <summary>Waits until all threads have ended, or until this time has passed.</summary>
    /// <returns>Whether they are.</returns>
    public bool Wait(int milliseconds) => _finished.Wait(milliseconds);

    /// <summary>Waits for the end, and throws what ended it early.</summary>
    public void Join()
    {
        _finished.Wait();
        _failure?.Throw();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stop.Cancel();
        _begin.Set();
        _leave.Set();
        foreach (Thread thread in _threads)
            thread.Join();
        _stop.Dispose();
        _connected.Dispose();
        _finished.Dispose();
        _begin.Dispose();
        _leave.Dispose();
    }

    private void Live(int index)
    {
        LoadLoop? loop = null;
        try
        {
            Attempt(() =>
            {
                BlockSignals();
                OwnDescriptors.Take();
                LoadPart part = _options.Part;
                loop = _loops[index] = new(_options, _address, (index * part.Count) + part.Index, _loops.Length * part.Count);
                loop.Connect(_stop.Token);
            });
            _connected.Signal();
            _begin.Wait();
            Attempt(() => loop!.Run(_start, _stop.Token));
        }
        finally
        {
            // After the load the resources of the server are read while its connections are open.
            _finished.Signal();
            _leave.Wait();
            loop?.Dispose();
        }
    }

    // The runtime's signal handlers write to descriptors of the shared table, so signals go to other threads.
    private static void BlockSignals()
    {
        sigset_t handled = sigset_t.Of(SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGCHLD, SIGCONT, SIGTSTP, SIGTTIN, SIGTTOU, SIGWINCH);   // PosixSignal
        pthread_sigmask(SIG_BLOCK, handled, out _).OrThrow("pthread_sigmask");
    }

    private void Attempt(Action step)
    {
        if (_failure is not null)
            return;
        try
        {
            step();
        }
        catch (Exception e)
        {
            Interlocked.CompareExchange(ref _failure, ExceptionDispatchInfo.Capture(e), null);
            _stop.Cancel();
        }
    }
}
