using System.Diagnostics.CodeAnalysis;
using Multiplex.Engine;
using Multiplex.Interop;
using Multiplex.Transports;
using static Multiplex.Interop.Libc;

namespace Multiplex.Forking;

/// <summary>What a child process does, from its first instruction to its last.</summary>
internal abstract class ForkedChild : IDisposable
{
    private readonly FinalizerThread _finalizer = new();
    private readonly ChildSignals _signals = new();
    private readonly int[] _parentsDescriptors;
    private readonly Action _work;

    /// <summary>Prepares for children of this service.</summary>
    /// <param name="service">What they serve.</param>
    /// <param name="memory">Where what their connections hold is counted.</param>
    /// <param name="closed">Called by a child for each connection that it closes while the server stops.</param>
    /// <param name="parentsDescriptors">Descriptors that they are not to hold on to.</param>
    protected ForkedChild(Service service, HeldMemory memory, Action closed, params int[] parentsDescriptors)
    {
        Service = service;
        Connection = new(service, closed, new HeldMemory.Holder(memory, getpid)) { IsToEnd = static () => ChildSignals.HasHadTerm() };
        _work = Work;
        _parentsDescriptors = [.. parentsDescriptors, _finalizer.Descriptor];
        CopiedMemory.Shrink();
    }

    /// <summary>What it serves.</summary>
    protected Service Service { get; }

    /// <summary>The connection that it serves, one after another.</summary>
    protected BlockingConnection Connection { get; }

    /// <summary>The process that forks them.</summary>
    protected int Parent { get; } = getpid();

    /// <summary>Its name in the message of a failure.</summary>
    protected abstract string Name { get; }

    /// <summary>Forks a child, once no other thread of managed code runs.</summary>
    /// <returns>To the parent, the child's process id or the errno; to the child, 0.</returns>
    public SyscallResult Fork()
    {
        _finalizer.AwaitRest();
        return _Fork();
    }

    /// <summary>Closes the parent's descriptors for watching it, and those of its signals.</summary>
    public void Dispose()
    {
        _signals.Dispose();
        _finalizer.Dispose();
    }

    /// <summary>What it is for.</summary>
    protected abstract void Work();

    /// <summary>The whole life of a child. Never returns.</summary>
    [DoesNotReturn]
    protected void Live() => ChildProcess.Live(Name, Parent, _parentsDescriptors, _work);

    /// <summary>Counts what has been allocated since so many bytes were: <see cref="GC.GetAllocatedBytesForCurrentThread"/>.</summary>
    protected void CountAllocated(long before) =>
        Service.Counters.Add(Counter.ChildAllocatedBytes, GC.GetAllocatedBytesForCurrentThread() - before);
}
