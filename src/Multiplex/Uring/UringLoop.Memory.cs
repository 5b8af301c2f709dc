namespace Multiplex.Uring;

/// <summary>How the loop keeps within its memory: what passes the limit is closed, the connections that own most first.</summary>
internal sealed partial class UringLoop
{
    private long _memory;
    private long _published;   // of that, in the counter that others read

    private bool OwnTooMuch => _memory > _service.Options.MaxMemory;

    // The memory is free once the kernel has given up what is under way; it counts no more from now on.
    private void CloseLargest()
    {
        while (OwnTooMuch)
        {
            UringConnection largest = _connections.MaxBy(connection => connection?.CountedMemory ?? -1)!;
            _service.Counters.Increment(Counter.MemoryClosed);
            CountMemory(largest, 0);
            Leave(largest);
        }
    }

    private void CountMemory(UringConnection connection, long memory)
    {
        const long Step = 64 * 1024;   // the counter is not written to for each short remainder
        _memory += memory - connection.CountedMemory;
        connection.CountedMemory = memory;
        if (Math.Abs(_memory - _published) < Step && (_memory != 0 || _published == 0))
            return;
        _service.Counters.Add(Counter.HeldBytes, _memory - _published);
        _published = _memory;
    }
}
