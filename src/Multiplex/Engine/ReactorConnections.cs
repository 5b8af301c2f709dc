using static Multiplex.Interop.Libc;

namespace Multiplex.Engine;

/// <summary>The connections of one reactor, by descriptor: each is watched for what it wants, until it is closed and counted.</summary>
internal sealed class ReactorConnections(Service service, IMultiplexer multiplexer)
{
    private ReactorConnection?[] _byDescriptor = new ReactorConnection?[64];

    private long _memory;
    private long _published;   // of that, in the counter that others read

    /// <summary>Whether they own more memory than they may: then none is read from until <see cref="CloseLargest"/>.</summary>
    public bool OwnTooMuch => _memory > service.Options.MaxMemory / service.MemoryShares
        && (service.MemoryShares == 1 || service.Counters[Counter.HeldBytes] > service.Options.MaxMemory);

    /// <summary>How many there are.</summary>
    public int Count { get; private set; }

    /// <summary>The connection with this descriptor, or null.</summary>
    public ReactorConnection? Find(int fd) => (uint)fd < (uint)_byDescriptor.Length ? _byDescriptor[fd] : null;

    /// <summary>Counts one more, with this descriptor, as accepted if there is room for it; then <see cref="Add"/> takes it in.</summary>
    public bool TryCount(int fd) =>
        fd < multiplexer.DescriptorLimit && service.Counters.TryCountAccepted(service.Options.MaxConnections, out _);

    /// <summary>Takes one in that was counted.</summary>
    public void Add(ReactorConnection connection)
    {
        int fd = connection.Descriptor;
        if (fd >= _byDescriptor.Length)
            Array.Resize(ref _byDescriptor, Math.Max(fd + 1, 2 * _byDescriptor.Length));
        multiplexer.Add(fd, connection.Watched);
        _byDescriptor[fd] = connection;
        Count++;
    }

    /// <summary>Has it watched for what it wants now.</summary>
    public void Watch(ReactorConnection connection)
    {
        CountMemory(connection, connection.Memory);
        Interest wanted = connection.Wanted(service.Options);
        if (wanted == connection.Watched)
            return;
        connection.Watched = wanted;
        multiplexer.Modify(connection.Descriptor, wanted);
    }

    /// <summary>Closes one.</summary>
    public void Close(ReactorConnection connection)
    {
        multiplexer.Remove(connection.Descriptor);
        _byDescriptor[connection.Descriptor] = null;
        Count--;
        CountMemory(connection, 0);
        connection.Release();
        close(connection.Descriptor);
        service.Counters.Increment(Counter.Closed);
    }

    /// <summary>Closes those on which no byte has moved for so long.</summary>
    /// <param name="now">Milliseconds.</param>
    /// <param name="limit">How long.</param>
    /// <param name="onlyOwing">Whether only those count that owe replies, or have nothing left to do.</param>
    /// <returns>How many were closed.</returns>
    public int CloseSilent(long now, TimeSpan limit, bool onlyOwing = false)
    {
        int closed = 0;
        long before = now - (long)limit.TotalMilliseconds;
        foreach (ReactorConnection? connection in _byDescriptor)
        {
            if (connection is null || connection.LastMoved >= before || connection.IsAtWork)
                continue;
            if (onlyOwing ? connection is { Owed: 0, IsDone: false } : HasUnreadBytes(connection))
                continue;
            Close(connection);
            closed++;
        }

        return closed;
    }

    /// <summary>Closes those that own most until all together own no more than they may.</summary>
    public void CloseLargest()
    {
        while (OwnTooMuch)
        {
            ReactorConnection largest = _byDescriptor.MaxBy(connection => connection?.CountedMemory ?? -1)!;
            service.Counters.Increment(Counter.MemoryClosed);
            Close(largest);
        }
    }

    private void CountMemory(ReactorConnection connection, long memory)
    {
        const long Step = 64 * 1024;   // the counter is every thread's: it is not written to for each short remainder
        _memory += memory - connection.CountedMemory;
        connection.CountedMemory = memory;
        if (Math.Abs(_memory - _published) < Step && (_memory != 0 || _published == 0))
            return;
        service.Counters.Add(Counter.HeldBytes, _memory - _published);
        _published = _memory;
    }

    /// <summary>Closes those of which a request takes longer to arrive.</summary>
    /// <param name="now">Milliseconds, when it was last known what had arrived.</param>
    /// <param name="limit">How long it may take.</param>
    /// <returns>How many were closed.</returns>
    public int CloseLate(long now, TimeSpan limit)
    {
        int closed = 0;
        long before = now - (long)limit.TotalMilliseconds;
        foreach (ReactorConnection? connection in _byDescriptor)
        {
            if (connection is null || connection.RequestSince == 0)
                continue;
            if ((connection.Watched & Interest.Readable) == 0)
            {
                connection.RequestSince = now;   // it is not the peer that takes its time
            }
            else if (connection.RequestSince <= before)
            {
                Close(connection);
                closed++;
            }
        }

        return closed;
    }

    private static bool HasUnreadBytes(ReactorConnection connection) =>
        (connection.Watched & Interest.Readable) != 0 && IdleSweep.HasUnreadBytes(connection.Descriptor);

    /// <summary>All of them; one that is looked at may be closed.</summary>
    public Enumerator GetEnumerator() => new(_byDescriptor);

    /// <summary>Goes through the connections without allocating.</summary>
    internal struct Enumerator(ReactorConnection?[] byDescriptor)
    {
        private int _next;

        public ReactorConnection Current { get; private set; } = null!;

        public bool MoveNext()
        {
            while (_next < byDescriptor.Length)
            {
                if (byDescriptor[_next++] is not { } connection)
                    continue;
                Current = connection;
                return true;
            }

            return false;
        }
    }
}
