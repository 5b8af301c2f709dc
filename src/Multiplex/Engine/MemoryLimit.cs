namespace Multiplex.Engine;

/// <summary>
/// The memory that the connections of one loop own, and whether it is too much: then none is received from until those that own most are closed.
/// </summary>
internal sealed class MemoryLimit(Service service)
{
    private const int Step = 64 * 1024;   // bytes: the counter is every thread's, and not written to for each short remainder

    private long _bytes;
    private long _published;   // of that, in the counter

    /// <summary>Whether the connections own more than they may.</summary>
    public bool IsExceeded => _bytes > service.Options.MaxMemory / service.MemoryShares
        && (service.MemoryShares == 1 || service.Counters[Counter.HeldBytes] > service.Options.MaxMemory);

    /// <summary>A connection owns so many bytes now.</summary>
    /// <param name="counted">What was counted of it before.</param>
    /// <param name="bytes">What it owns.</param>
    public void Count(ref long counted, long bytes)
    {
        if (bytes == counted)
            return;
        _bytes += bytes - counted;
        counted = bytes;
        if (Math.Abs(_bytes - _published) < Step && (_bytes != 0 || _published == 0))
            return;
        service.Counters.Add(Counter.HeldBytes, _bytes - _published);
        _published = _bytes;
    }
}
