using System.Diagnostics.CodeAnalysis;
using System.Runtime;
using System.Runtime.CompilerServices;
using System.Text;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Servers;

/// <summary>
/// What a child that was forked for one connection does, from its first instruction to its last; and the same once before
/// the first fork, in the parent: see <see cref="Rehearsal"/>. The counters tell if anything was missed.
/// </summary>
internal sealed class ForkedConversation
{
    private readonly Service _service;
    private readonly BlockingConversation _conversation;
    private readonly int[] _parentsDescriptors;
    private readonly int _parent = getpid();
    private long _compiled;

    /// <summary>Prepares for conversations of this service in children that are not to hold on to its descriptors.</summary>
    public ForkedConversation(Service service, Children children)
    {
        _service = service;
        _conversation = new(service.Protocol, service.Options, service.Counters) { IsToEnd = ChildProcess.IsToldToLeave };
        foreach (Listener listener in service.Listeners)
            _conversation.Prepare(listener.Kind);
        _parentsDescriptors =
            [.. service.Listeners.Select(listener => listener.Descriptor), service.Stop.Descriptor, children.Descriptor];
    }

    /// <summary>The parent's last step before each fork: notes what has been compiled so far.</summary>
    public void AboutToFork() => _compiled = JitInfo.GetCompiledMethodCount();

    /// <summary>The whole life of a child. Never returns.</summary>
    [DoesNotReturn]
    public void RunInChild(int descriptor, PeerAddress peer)
    {
        try
        {
            ChildProcess.Begin(_parent, _parentsDescriptors);
            Serve(_conversation, _service.Counters, descriptor, peer);
            ChildProcess.Leave(0);
        }
        catch (Exception e)
        {
            // The parent counts a lost child; what happened is said here, without Console.
            write(2, Encoding.UTF8.GetBytes($"multiplex: child {getpid()}: {e}\n"));
            ChildProcess.Leave(1);
        }
    }

    /// <summary>Does in this process what children will do.</summary>
    public void Rehearse()
    {
        ChildProcess.Prepare();
        RuntimeHelpers.PrepareMethod(((Action<int, PeerAddress>)RunInChild).Method.MethodHandle);
        Rehearsal.Run(_service, Serve);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Serve(BlockingConversation conversation, ServerCounters counters, int descriptor, PeerAddress peer)
    {
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        conversation.Serve(descriptor, peer);
        counters.Add(Counter.ChildAllocatedBytes, GC.GetAllocatedBytesForCurrentThread() - allocated);
        counters.Add(Counter.ChildCompiledMethods, JitInfo.GetCompiledMethodCount() - _compiled);
    }
}
