using System.Diagnostics;
using Multiplex.Engine;
using Multiplex.Interop;
using Multiplex.Load.Measuring;
using Multiplex.Load.Workload;
using Multiplex.Multiplexers;
using Multiplex.Rpc.Client;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Load.Engine;

/// <summary>The event loop of one client thread over its share of the connections: sends requests, checks every reply, and measures. The thread makes it.</summary>
internal sealed class LoadLoop : IDisposable
{
    /// <summary>
    /// If a request is due sooner than this, the thread polls and does not sleep: to sleep and wake up takes about this long, and a sleeping thread also
    /// receives replies late.
    /// </summary>
    private const long ShortestSleep = 50_000;

    private const long Second = 1_000_000_000;
    private const int LongestTick = 100;   // milliseconds
    private const long LongestDrain = Second;

    private readonly LoadOptions _options;
    private readonly ArrivalSchedule? _schedule;
    private readonly ArrivalPolicy? _policy;
    private readonly EventLoop _loop = new(new EpollMultiplexer());
    private readonly ConnectionSet _connections;
    private readonly LoadContext _context;
    private readonly int _tick;   // milliseconds
    private readonly Action _onTick;
    private readonly AdaptiveSpin _spin;
    private long _polled;   // CPU time spent polling for nothing

    /// <param name="options">The load.</param>
    /// <param name="address">The server's.</param>
    /// <param name="thread">Which thread, of those of all parts: 0 is the first.</param>
    /// <param name="threads">How many there are in all parts.</param>
    public LoadLoop(LoadOptions options, byte[] address, int thread, int threads)
    {
        (_options, _onTick) = (options, Tick);
        _spin = new(options.Spin);
        _tick = (int)Math.Clamp(options.Timeout.TotalMilliseconds / 4, 1, LongestTick);
        Recorder = new(options.Arrivals is not null);
        KernelStamps? stamps = options.Arrivals is not null && options.Tls is null && options.Server.Kind.IsInternet() ? new() : null;
        if (options.Arrivals is { } arrivals)
            _policy = new OpenLoopPolicy(_schedule = new(options, arrivals, thread, threads), Recorder, stamps);
        else if (options.ThinkTime > TimeSpan.Zero)
            _policy = new ThinkTimePolicy(options.ThinkTime);
        _connections = new(_loop, options, address, threads);
        int Share(int all) => (all / threads) + (thread < all % threads ? 1 : 0);
        ClientTls? tls = ClientTls.For(options.Server, new() { Tls = options.Tls, TlsProgram = options.TlsProgram });
        _context = new(options, Recorder, _connections) { Policy = _policy, Stamps = stamps, Tls = tls };
        if (options.Requests > 0)
            _context.ToSend = (options.Requests / threads) + (thread < options.Requests % threads ? 1 : 0);
        for (int i = 0; i < Share(options.Connections); i++)
            _connections.Add(BusyConnection.Of(_context, (uint)((i * threads) + thread) * 0x9E37_79B1));
        for (int i = 0; i < Share(options.IdleConnections); i++)
            _connections.Add(new IdleConnection(_context));
        LoadContext reading = new(SlowReader.Of(options, _context.MessageLength), Slow, _connections), writing = new(SlowWriter.Of(options), Slow, _connections);
        for (int i = 0; i < Share(options.SlowReaders); i++)
            _connections.Add(new SlowReader(reading, (uint)i));
        for (int i = 0; i < Share(options.SlowWriters); i++)
            _connections.Add(new SlowWriter(writing, (uint)i));
    }

    /// <summary>What was measured.</summary>
    public LoadRecorder Recorder { get; }

    /// <summary>The wrong replies that report a failure of the protocol, by its name.</summary>
    public IReadOnlyDictionary<string, long> Failures => _context.Exchange.Failures;

    /// <summary>The results of the slow connections, which do not count.</summary>
    public LoadRecorder Slow { get; } = new(isOpenLoop: false);

    /// <summary>How long was measured, in nanoseconds.</summary>
    public long Elapsed { get; private set; }

    /// <summary>The part of the measured time that the thread worked; polling for nothing does not count.</summary>
    public double Busy { get; private set; }

    /// <summary>The connections whose requests count.</summary>
    public IEnumerable<BusyConnection> Measured => _connections.Measured;

    /// <summary>Bytes that the thread allocated in the measured time.</summary>
    public long Allocated { get; private set; }

    // As many requests as were wanted have been sent, and none is in flight.
    private bool IsDone => _context.ToSend == 0 && !_connections.IsAwaiting;

    /// <summary>Makes the connections, all of them, before any request is sent.</summary>
    /// <exception cref="SyscallException">One could not be made.</exception>
    public void Connect(CancellationToken cancelled) => _connections.ConnectAll(cancelled);

    /// <summary>Loads for the warm-up time and then for the time to measure.</summary>
    /// <param name="start">When: the same for all threads.</param>
    /// <param name="cancelled">Ends it early.</param>
    public void Run(long start, CancellationToken cancelled)
    {
        // By default the kernel may prolong each timed wait by 50 us: PR_SET_TIMERSLACK in prctl(2).
        prctl(PR_SET_TIMERSLACK, 1);
        long measureFrom = start + LoadContext.Nanoseconds(_options.WarmUp), end = measureFrom + LoadContext.Nanoseconds(_options.Duration);
        if (_schedule is not null)
        {
            _schedule.Begin(start);
            _schedule.End = end;
        }

        Recorder.Measure(measureFrom, end);

        _context.Tick();
        _connections.Start();
        _loop.At(_loop.Now + _tick, _onTick);
        long now = start;
        while (now < measureFrom && !cancelled.IsCancellationRequested)
            now = Turn(now, measureFrom);
        Measure(now, measureFrom, end, cancelled);
    }

    /// <summary>Closes what is open.</summary>
    public void Dispose()
    {
        _connections.Close();
        _context.Tls?.Dispose();
        _loop.Dispose();
    }

    private void Measure(long now, long measureFrom, long end, CancellationToken cancelled)
    {
        Recorder.Begin();
        foreach (BusyConnection connection in Measured)
            connection.BeginMeasuring();
        long cpu = clock_gettime(CLOCK_THREAD_CPUTIME_ID), allocated = GC.GetAllocatedBytesForCurrentThread();
        long began = now, nextSecond = measureFrom + Second;
        _polled = 0;
        while (now < end && !cancelled.IsCancellationRequested && !IsDone)
        {
            now = Turn(now, Math.Min(end, nextSecond));
            for (; now >= nextSecond && nextSecond < end; nextSecond += Second)
                Recorder.HandOver();
        }

        Allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        Busy = Math.Max(clock_gettime(CLOCK_THREAD_CPUTIME_ID) - cpu - _polled, 0) / (double)Math.Max(now - began, 1);
        end = Math.Min(now, end);   // earlier, when the run was cancelled or all is sent
        Elapsed = Math.Max(end - measureFrom, 0);
        Recorder.Measure(measureFrom, end);
        Recorder.End();
        Drain(end);
        Recorder.HandOver();
    }

    // Receives replies to requests sent or due before the end, for a limited time. A request without a reply counts with the time that it has waited;
    // otherwise the figures would not show a stall that lasts to the end.
    private void Drain(long end)
    {
        if (_schedule is null)
            _context.IsOver = true;
        else
            _schedule.End = IsDone ? 0 : Math.Min(_schedule.End, end);
        long now = Stopwatch.GetTimestamp(), until = now + LongestDrain;
        while (now < until && (_connections.IsAwaiting || _schedule?.Overdue(now) > 0))
            now = Turn(now, until);
        long waitedUntil = Math.Min(now, end + LongestDrain);   // however late this thread is
        foreach (long due in _connections.Measured.SelectMany(connection => connection.Unanswered()))
            Recorder.RecordUnanswered(due, waitedUntil, waited: true);
        while (_schedule is not null && _schedule.TryTake(now, out long due))
            Recorder.RecordUnanswered(due, waitedUntil, waited: true);
    }

    // Sends what is due, waits for replies, and returns when that was.
    private long Turn(long now, long until)
    {
        if (Next <= now)
        {
            _policy?.SendDue(now, _loop);
            _connections.OpenDue(now);
        }

        long end = EndOfWait(now, until);
        if (end > now && !_loop.HasWork && _spin.Begins())
        {
            bool found;
            do
                found = Poll(ref now);
            while (!found && now < end && _spin.GoesOn());
            _spin.End(found);
            if (found)
                return now;
            end = EndOfWait(now, until);   // a tick may have made connections due
        }

        if (end > now)
        {
            _loop.TurnWithin(end - now);
            return Stopwatch.GetTimestamp();
        }

        Poll(ref now);
        return now;
    }

    // When the next send or connection is due.
    private long Next => Math.Min(_policy?.Next ?? long.MaxValue, _connections.NextOpening);

    // Until when to wait; now, where a sleep would last too long.
    private long EndOfWait(long now, long until) => Next - now < ShortestSleep ? now : Math.Min(until, Next - ShortestSleep);

    // Where nothing is ready, the thread would have slept with an exact timer.
    private bool Poll(ref long now)
    {
        long before = Stopwatch.GetTimestamp();   // not now: another thread may have had the core since then
        bool found = _loop.TurnWithin(0) > 0;
        now = Stopwatch.GetTimestamp();
        if (!found)
            _polled += now - before;
        return found;
    }

    private void Tick()
    {
        _connections.Tick(Stopwatch.GetTimestamp());
        _context.Tick();
        _loop.At(_loop.Now + _tick, _onTick);
    }
}
