using System.Diagnostics;
using Multiplex.Interop;
using Multiplex.Multiplexing;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Load;

/// <summary>
/// One client thread: an event loop that keeps each of its connections busy, checks every reply, and measures. A closed
/// loop: a request goes out when a reply comes in, so that a server that stalls is asked less while it does.
/// </summary>
internal sealed class LoadLoop(LoadOptions options, IReadOnlyList<byte[]> addresses, int connections) : IDisposable
{
    private const int LongestTick = 100;

    private readonly EpollMultiplexer _multiplexer = new();
    private readonly LoadContext _context = new(options);
    private readonly List<LoadConnection> _all = [];
    private readonly int _tickMilliseconds = (int)Math.Clamp(options.Timeout.TotalMilliseconds / 4, 1, LongestTick);
    private LoadConnection?[] _byDescriptor = [];
    private long _measured;

    /// <summary>Told when measuring begins and ends.</summary>
    public Action<bool>? Measuring { get; init; }

    /// <summary>What was measured.</summary>
    public LoadTally Tally => _context.Tally;

    /// <summary>Right replies so far in the measured time, for other threads to look at while the loop runs.</summary>
    public long Measured => Volatile.Read(ref _measured);

    /// <summary>Makes the connections, all of them, before any request is sent.</summary>
    /// <exception cref="SyscallException">One could not be made.</exception>
    public void Connect()
    {
        for (int i = 0; i < connections; i++)
        {
            LoadConnection connection = LoadConnection.Of(_context);
            _all.Add(connection);
            Open(connection);
        }
    }

    /// <summary>Loads for the warm-up time and then for the time to measure.</summary>
    public void Run(CancellationToken cancelled)
    {
        bool measuring = options.WarmUp <= TimeSpan.Zero;
        if (measuring)
            Measuring?.Invoke(true);
        long start = Stopwatch.GetTimestamp();
        long measureFrom = start + LoadContext.Ticks(options.WarmUp), end = measureFrom + LoadContext.Ticks(options.Duration);
        foreach (LoadConnection connection in _all)
            Settle(connection, connection.Start());

        Readiness[] ready = new Readiness[512];
        long tick = LoadContext.Ticks(TimeSpan.FromMilliseconds(_tickMilliseconds)), nextTick = start + tick;
        long now = start;
        while (now < end && !cancelled.IsCancellationRequested)
        {
            int count = _multiplexer.Wait(ready, _tickMilliseconds);
            foreach (Readiness event_ in ready.AsSpan(0, count))
            {
                if (_byDescriptor[event_.Descriptor] is { } connection)
                    Settle(connection, connection.Serve(event_.Ready));
            }

            now = Stopwatch.GetTimestamp();
            if (!measuring && now >= measureFrom)
            {
                measuring = true;
                Measuring?.Invoke(true);
                measureFrom = Stopwatch.GetTimestamp();
                end = measureFrom + LoadContext.Ticks(options.Duration);
                Tally.Latencies.Clear();
                (Tally.BytesSent, Tally.BytesReceived) = (0, 0);
            }

            if (measuring)
                Volatile.Write(ref _measured, Tally.Latencies.Count);
            if (now >= nextTick)
            {
                Tick(now);
                nextTick = now + tick;
            }
        }

        Tally.Elapsed = Stopwatch.GetElapsedTime(measureFrom, now);
        Measuring?.Invoke(false);
    }

    /// <summary>Closes what is open.</summary>
    public void Dispose()
    {
        foreach (LoadConnection connection in _all.Where(connection => connection.Descriptor >= 0))
            connection.Close();
        _multiplexer.Dispose();
    }

    private void Open(LoadConnection connection)
    {
        int fd = Connector.Connect(options.Server, addresses);
        fcntl(fd, F_SETFL, O_NONBLOCK).OrThrow("fcntl");
        connection.Open(fd);
        if (fd >= _byDescriptor.Length)
            Array.Resize(ref _byDescriptor, Math.Max(fd + 1, 2 * _byDescriptor.Length));
        _byDescriptor[fd] = connection;
        _multiplexer.Add(fd, Interest.Readable);
    }

    private void Close(LoadConnection connection)
    {
        _multiplexer.Remove(connection.Descriptor);
        _byDescriptor[connection.Descriptor] = null;
        connection.Close();
    }

    private void Reopen(LoadConnection connection)
    {
        try
        {
            Open(connection);
        }
        catch (SyscallException)
        {
            Tally.Errors.ConnectFailures++;   // tried again at the next tick
            return;
        }

        Settle(connection, connection.Start());
    }

    private void Settle(LoadConnection connection, ConnectionState state)
    {
        if (state != ConnectionState.Open)
        {
            Close(connection);   // made anew at the next tick, or at once
            if (state == ConnectionState.Spent)
                Reopen(connection);
        }
        else if (connection.Wanted != connection.Watched)
        {
            connection.Watched = connection.Wanted;
            _multiplexer.Modify(connection.Descriptor, connection.Watched);
        }
    }

    private void Tick(long now)
    {
        foreach (LoadConnection connection in _all)
        {
            if (connection.Descriptor >= 0)
                Settle(connection, connection.Tick(now));
            if (connection.Descriptor < 0)
                Reopen(connection);
        }
    }
}
