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
    /// What is due sooner is not slept for: to go to sleep and to be woken takes about as long, and a sleeper is woken late for
    /// replies too. The thread polls instead.
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
    private readonly long _spin;
    private long _spinUntil;
    private long _polled;   // CPU time spent polling for nothing

    /// <param name="options">What load.</param>
    /// <param name="address">The server's.</param>
    /// <param name="thread">Which thread: 0 is the first.</param>
    /// <param name="threads">How many there are.</param>
    public LoadLoop(LoadOptions options, byte[] address, int thread, int threads)
    {
        (_options, _onTick) = (options, Tick);
        _spin = LoadContext.Nanoseconds(options.Spin);
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

    /// <summary>Of the wrong replies those that are a failure of the protocol's own.</summary>
    public IReadOnlyDictionary<string, long> Failures => _context.Exchange.Failures;

    /// <summary>What the slow connections saw, which does not count.</summary>
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
        // Else the kernel may let any timed wait last 50 us longer: PR_SET_TIMERSLACK in prctl(2).
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

    // What was sent or due before the end is still answered, for a while. What is not counts with the time that it has waited, or else a
    // stall that lasts to the end would not show.
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
        long next = Math.Min(_policy?.Next ?? long.MaxValue, _connections.NextOpening);
        if (next <= now)
        {
            _policy?.SendDue(now, _loop);
            _connections.OpenDue(now);
            next = Math.Min(_policy?.Next ?? long.MaxValue, _connections.NextOpening);
        }

        bool spins = now < _spinUntil, polls = spins || next - now < ShortestSleep;
        if (spins)
            Thread.Yield();   // the server may be waiting for this core
        int ready = _loop.TurnWithin(polls ? 0 : Math.Min(until, next - ShortestSleep) - now);
        long after = Stopwatch.GetTimestamp();
        if (polls && ready == 0)
            _polled += after - now;   // it would have slept, if it could do so exactly
        if (_spin > 0 && ready > 0)
            _spinUntil = after + _spin;
        return after;
    }

    private void Tick()
    {
        _connections.Tick(Stopwatch.GetTimestamp());
        _context.Tick();
        _loop.At(_loop.Now + _tick, _onTick);
    }
}
