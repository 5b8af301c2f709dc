using System.Diagnostics.CodeAnalysis;
using System.Runtime;
using System.Runtime.CompilerServices;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Servers;

/// <summary>
/// What a child process does, from its first instruction to its last; and the same once before the first fork, in the
/// parent: see <see cref="Rehearsal"/>. The counters tell if anything was missed.
/// </summary>
internal abstract class ForkedChild : IDisposable
{
    private readonly FinalizerThread _finalizer = new();
    private readonly int[] _parentsDescriptors;
    private readonly int _parent = getpid();
    private readonly Action _work;
    private readonly HeldMemory.Holder _memory;
    private long _compiled;

    /// <summary>Prepares for children of this service that are not to hold on to these descriptors.</summary>
    protected ForkedChild(Service service, HeldMemory memory, params int[] parentsDescriptors)
    {
        Service = service;
        _memory = new(memory, getpid);
        Conversation = new(service.Protocol, service.Options, service.Counters, _memory) { IsToEnd = ChildProcess.IsToldToLeave };
        foreach (Listener listener in service.Listeners)
            Conversation.Prepare(listener.Kind);
        _work = Work;
        _parentsDescriptors = [.. parentsDescriptors, _finalizer.Descriptor];
    }

    /// <summary>What it serves.</summary>
    protected Service Service { get; }

    /// <summary>The conversations that it holds, one after another.</summary>
    protected BlockingConversation Conversation { get; }

    /// <summary>What it is called where a failure is told.</summary>
    protected abstract string Name { get; }

    /// <summary>The parent's last step before each fork: sees to it that nothing else runs, and notes what has been compiled so far.</summary>
    public void AboutToFork()
    {
        _finalizer.AwaitRest();
        _compiled = JitInfo.GetCompiledMethodCount();
    }

    /// <summary>Gives back what the parent watches by.</summary>
    public void Dispose() => _finalizer.Dispose();

    /// <summary>Does in this process what children will do.</summary>
    public virtual void Rehearse()
    {
        ChildProcess.Prepare();
        RuntimeHelpers.PrepareMethod(((Action)Live).Method.MethodHandle);
        Rehearsal.Run(Service, Serve);
        if (_memory.TryHold(HeldMemory.Uncounted + 1) && !_memory.IsEvicted)
            _memory.Release();
    }

    /// <summary>What it is for.</summary>
    protected abstract void Work();

    /// <summary>The whole life of a child. Never returns.</summary>
    [DoesNotReturn]
    protected void Live() => ChildProcess.Live(Name, _parent, _parentsDescriptors, _work);

    /// <summary>Serves one connection, and counts what that allocated and had to be compiled.</summary>
    /// <returns>Whether the server is stopping, and what was sent is still to be delivered: see <see cref="LeavingConnections"/>.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    protected bool Serve(BlockingConversation conversation, ServerCounters counters, int descriptor, PeerAddress peer)
    {
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        ConversationEnd end = conversation.Serve(descriptor, peer);
        CountCosts(counters, allocated);
        return end == ConversationEnd.Finished && counters[Counter.Stopping] != 0;
    }

    /// <summary>Answers a datagram that was received, and counts the same.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    protected void Answer(DatagramPort port, ServerCounters counters)
    {
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        port.Answer();
        CountCosts(counters, allocated);
    }

    private void CountCosts(ServerCounters counters, long allocatedBefore)
    {
        counters.Add(Counter.ChildAllocatedBytes, GC.GetAllocatedBytesForCurrentThread() - allocatedBefore);
        long compiled = JitInfo.GetCompiledMethodCount();
        counters.Add(Counter.ChildCompiledMethods, compiled - _compiled);
        _compiled = compiled;
    }
}
