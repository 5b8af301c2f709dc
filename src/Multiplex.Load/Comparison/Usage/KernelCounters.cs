using System.Runtime.InteropServices;
using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Load.Comparison.Usage;

/// <summary>
/// Counts events in all threads of a server, and in the threads and processes that they make later. Those that end are part of the sum.
/// </summary>
internal sealed class KernelCounters : IDisposable
{
    private readonly List<(KernelEvent Event, int Descriptor)> _descriptors = [];

    private KernelCounters()
    {
    }

    /// <summary>Attaches to every thread that a process and its descendants have.</summary>
    /// <param name="pid">The server's first process.</param>
    /// <param name="events">The events that can be counted here.</param>
    /// <exception cref="SyscallException">A thread belongs to another user.</exception>
    public static KernelCounters Attach(int pid, IEnumerable<KernelEvent> events)
    {
        KernelCounters counters = new();
        try
        {
            foreach (KernelEvent event_ in events)
            {
                foreach (int thread in ProcessTree.Of(pid).SelectMany(ProcessTree.ThreadsOf))
                    counters.Attach(event_, thread);
            }
        }
        catch
        {
            counters.Dispose();
            throw;
        }

        return counters;
    }

    /// <summary>The counts so far.</summary>
    public KernelCounts Read()
    {
        Dictionary<KernelEvent, long> counts = [];
        foreach ((KernelEvent event_, int descriptor) in _descriptors)
        {
            long count = 0;
            read(descriptor, MemoryMarshal.AsBytes(new Span<long>(ref count))).OrThrow("read", event_.Name);
            counts[event_] = counts.GetValueOrDefault(event_) + count;
        }

        return new(counts);
    }

    /// <summary>Stops counting.</summary>
    public void Dispose()
    {
        foreach ((_, int descriptor) in _descriptors)
            close(descriptor);
        _descriptors.Clear();
    }

    private void Attach(KernelEvent event_, int thread)
    {
        SyscallResult result = event_.Open(thread);
        if (!result.Is(ESRCH))   // a thread that has just ended
            _descriptors.Add((event_, result.OrThrow("perf_event_open", event_.Name)));
    }
}

/// <summary>Counts at a moment, or between two.</summary>
/// <param name="Counts">The number of each event.</param>
internal sealed record KernelCounts(IReadOnlyDictionary<KernelEvent, long> Counts)
{
    /// <summary>The number of an event; null when it was not counted.</summary>
    public long? this[KernelEvent event_] => Counts.TryGetValue(event_, out long count) ? count : null;

    /// <summary>The events since an earlier moment.</summary>
    public KernelCounts Since(KernelCounts before) =>
        new(Counts.ToDictionary(one => one.Key, one => one.Value - before.Counts.GetValueOrDefault(one.Key)));
}
