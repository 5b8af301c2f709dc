using System.Diagnostics.CodeAnalysis;
using Multiplex.Engine;
using Multiplex.Sockets;
using Multiplex.Transports;
using static Multiplex.Interop.Libc;

namespace Multiplex.Forking;

/// <summary>What a child process does, from its first instruction to its last.</summary>
internal abstract class ForkedChild : IDisposable
{
    private readonly FinalizerThread _finalizer = new();
    private readonly int[] _parentsDescriptors;
    private readonly int _parent = getpid();
    private readonly Action _work;

    /// <summary>Prepares for children of this service that are not to hold on to these descriptors.</summary>
    protected ForkedChild(Service service, HeldMemory memory, params int[] parentsDescriptors)
    {
        Service = service;
        Conversation = new(service.Protocol, service.Options, service.Counters, new HeldMemory.Holder(memory, getpid)) { IsToEnd = ChildProcess.IsToldToLeave };
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

    /// <summary>The parent's last step before each fork: waits until no other thread of managed code runs.</summary>
    public void AboutToFork() => _finalizer.AwaitRest();

    /// <summary>Gives back what the parent watches by.</summary>
    public void Dispose() => _finalizer.Dispose();

    /// <summary>What it is for.</summary>
    protected abstract void Work();

    /// <summary>The whole life of a child. Never returns.</summary>
    [DoesNotReturn]
    protected void Live() => ChildProcess.Live(Name, _parent, _parentsDescriptors, _work);

    /// <summary>Serves one connection, and counts what that allocated.</summary>
    /// <returns>Whether the server is stopping, and what was sent is still to be delivered: see <see cref="LeavingConnections"/>.</returns>
    protected static bool Serve(BlockingConversation conversation, ServerCounters counters, int descriptor, PeerAddress peer)
    {
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        ConversationEnd end = conversation.Serve(descriptor, peer);
        CountAllocated(counters, allocated);
        return end == ConversationEnd.Finished && counters[Counter.Stopping] != 0;
    }

    /// <summary>Answers a datagram that was received, and counts the same.</summary>
    protected static void Answer(DatagramPort port, ServerCounters counters)
    {
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        port.Answer();
        CountAllocated(counters, allocated);
    }

    private static void CountAllocated(ServerCounters counters, long before) =>
        counters.Add(Counter.ChildAllocatedBytes, GC.GetAllocatedBytesForCurrentThread() - before);
}
