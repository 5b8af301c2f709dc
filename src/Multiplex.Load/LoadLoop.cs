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
    private const int TickMilliseconds = 100;
    private const int MaxUnsentReplies = 64 * 1024;

    private static readonly double s_nanosecondsPerTick = 1e9 / Stopwatch.Frequency;

    private readonly EpollMultiplexer _multiplexer = new();
    private readonly IExchange _exchange = options.Exchange();
    private readonly OutputBuffer _batch = new();
    private readonly byte[] _buffer = GC.AllocateUninitializedArray<byte>(MaxUnsentReplies);
    private readonly List<LoadConnection> _all = [];
    private LoadConnection?[] _byDescriptor = [];
    private long _measured;

    /// <summary>Told when measuring begins and ends.</summary>
    public Action<bool>? Measuring { get; init; }

    /// <summary>What was measured.</summary>
    public LoadTally Tally { get; } = new();

    /// <summary>Right replies so far in the measured time, for other threads to look at while the loop runs.</summary>
    public long Measured => Volatile.Read(ref _measured);

    /// <summary>Makes the connections, all of them, before any request is sent.</summary>
    /// <exception cref="SyscallException">One could not be made.</exception>
    public void Connect()
    {
        for (int i = 0; i < connections; i++)
        {
            LoadConnection connection = new(options.Depth);
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
        long measureFrom = start + Ticks(options.WarmUp), end = measureFrom + Ticks(options.Duration);
        foreach (LoadConnection connection in _all)
            Fill(connection, options.Depth, start);

        Readiness[] ready = new Readiness[512];
        long nextTick = start + Ticks(TimeSpan.FromMilliseconds(TickMilliseconds));
        long now = start;
        while (now < end && !cancelled.IsCancellationRequested)
        {
            int count = _multiplexer.Wait(ready, TickMilliseconds);
            foreach (Readiness event_ in ready.AsSpan(0, count))
            {
                if (_byDescriptor[event_.Descriptor] is { } connection)
                    Serve(connection, event_.Ready);
            }

            now = Stopwatch.GetTimestamp();
            if (!measuring && now >= measureFrom)
            {
                measuring = true;
                Measuring?.Invoke(true);
                measureFrom = Stopwatch.GetTimestamp();
                end = measureFrom + Ticks(options.Duration);
                Tally.Latencies.Clear();
                (Tally.BytesSent, Tally.BytesReceived) = (0, 0);
            }

            if (measuring)
                Volatile.Write(ref _measured, Tally.Latencies.Count);
            if (now >= nextTick)
            {
                Tick(now);
                nextTick = now + Ticks(TimeSpan.FromMilliseconds(TickMilliseconds));
            }
        }

        Tally.Elapsed = Stopwatch.GetElapsedTime(measureFrom, now);
        Measuring?.Invoke(false);
    }

    /// <summary>Closes what is open.</summary>
    public void Dispose()
    {
        foreach (LoadConnection connection in _all.Where(connection => connection.Descriptor >= 0))
            connection.Close(reset: true);
        _multiplexer.Dispose();
    }

    private static long Ticks(TimeSpan time) => (long)(time.TotalSeconds * Stopwatch.Frequency);

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
        connection.Close(reset: true);
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

        Fill(connection, options.Depth, Stopwatch.GetTimestamp());
    }

    private void Serve(LoadConnection connection, Interest ready)
    {
        if ((ready & Interest.Writable) != 0 && connection.HasUnsent && !Send(connection, []))
            return;
        if ((ready & Interest.Readable) == 0)
            return;
        Span<byte> room = Room(connection);
        SyscallResult result = recv(connection.Descriptor, room, 0);
        if (result.Is(EAGAIN))
            return;
        if (result.Value <= 0)
        {
            Disconnected(connection);
            return;
        }

        long now = Stopwatch.GetTimestamp();
        Tally.BytesReceived += result.Value;
        int length = connection.PartialLength + (int)result.Value;
        ReadOnlySpan<byte> received = connection.PartialLength > 0 ? connection.Partial.AsSpan(0, length) : room[..length];
        int answered = Check(connection, ref received, now);
        if (answered < 0)
            return;
        Keep(connection, received);
        if (options.CallsPerConnection > 0 && connection.Answered >= options.CallsPerConnection)
        {
            Close(connection);
            Reopen(connection);
        }
        else if (answered > 0)
        {
            Fill(connection, answered, now);
        }
    }

    // Records each whole reply. Returns how many there were, or -1 when the connection had to be given up.
    private int Check(LoadConnection connection, ref ReadOnlySpan<byte> received, long now)
    {
        int answered = 0;
        while (!received.IsEmpty && connection.OldestSentAt is not null)
        {
            ReplyVerdict verdict = _exchange.Check(received, connection.NextReply, out int length);
            if (verdict == ReplyVerdict.Incomplete)
                return answered;
            if (verdict != ReplyVerdict.Right)
                Tally.Errors.WrongReplies++;
            if (verdict == ReplyVerdict.Unreadable)
            {
                Close(connection);
                return -1;
            }

            long sentAt = connection.Receive();
            if (verdict == ReplyVerdict.Right)
                Tally.Latencies.Record((long)((now - sentAt) * s_nanosecondsPerTick));
            received = received[length..];
            answered++;
        }

        if (received.IsEmpty)
            return answered;
        Tally.Errors.WrongReplies++;   // bytes that nobody asked for
        Close(connection);
        return -1;
    }

    private void Fill(LoadConnection connection, int requests, long now)
    {
        _batch.Clear();
        for (int i = 0; i < requests; i++)
            connection.Ask(_exchange, _batch, now);
        Send(connection, _batch.Written);
    }

    private bool Send(LoadConnection connection, ReadOnlySpan<byte> batch)
    {
        SyscallResult result = connection.Send(batch);
        if (result.IsError)
        {
            Disconnected(connection);
            return false;
        }

        Tally.BytesSent += result.Value;
        Interest wanted = connection.HasUnsent ? Interest.Readable | Interest.Writable : Interest.Readable;
        if (wanted != connection.Watched)
        {
            connection.Watched = wanted;
            _multiplexer.Modify(connection.Descriptor, wanted);
        }

        return true;
    }

    private void Disconnected(LoadConnection connection)
    {
        Tally.Errors.Disconnected++;
        Close(connection);   // made anew at the next tick
    }

    private void Tick(long now)
    {
        foreach (LoadConnection connection in _all)
        {
            if (connection.Descriptor >= 0 && connection.OldestSentAt is { } sentAt && now - sentAt > Ticks(options.Timeout))
            {
                Tally.Errors.Timeouts++;
                Close(connection);
            }

            if (connection.Descriptor < 0)
                Reopen(connection);
        }
    }

    private Span<byte> Room(LoadConnection connection)
    {
        if (connection.PartialLength == 0)
            return _buffer;
        if (connection.PartialLength == connection.Partial.Length)
        {
            byte[] larger = new byte[2 * connection.Partial.Length];
            connection.Partial.CopyTo(larger, 0);
            connection.Partial = larger;
        }

        return connection.Partial.AsSpan(connection.PartialLength);
    }

    private static void Keep(LoadConnection connection, ReadOnlySpan<byte> rest)
    {
        if (rest.Length > connection.Partial.Length)
            connection.Partial = new byte[Math.Max(rest.Length, 4096)];
        rest.CopyTo(connection.Partial);
        connection.PartialLength = rest.Length;
    }
}
