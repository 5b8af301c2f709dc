using Multiplex.Engine;
using Multiplex.Forking;
using Multiplex.Interop;
using Multiplex.Sockets;
using Multiplex.Transports;
using static Multiplex.Interop.Libc;

namespace Multiplex.Models;

/// <summary>
/// A process for each connection: the parent accepts and forks, the child serves that one connection to its end and
/// leaves. A child that crashes or hangs takes nobody with it; making one costs far more than a call.
/// </summary>
public sealed class ForkModel : IServerModel
{
    /// <inheritdoc/>
    public void Run(Service service)
    {
        ForkRuntime.Require();
        using HeldMemory memory = HeldMemory.OfProcesses(service, service.Options.MaxChildren);
        using Children children = new(service.Counters, ended: (pid, _) =>
        {
            memory.Forget(pid);
            service.Counters.Increment(Counter.Closed);
        });
        using AcceptLoop accepting = new(
            service, hasRoom: () => children.Count < service.Options.MaxChildren, other: children.Descriptor);
        using ForkedConversation conversation = new(service, children, memory);
        service.Ready();

        bool Fork(int descriptor, PeerAddress peer)
        {
            conversation.AboutToFork();
            SyscallResult result = fork();
            if (result.Value == 0)
                conversation.RunInChild(descriptor, peer);

            // EAGAIN: the limit on processes is reached, fork(2). The client sees its connection closed.
            if (result.Is(EAGAIN) || result.Is(ENOMEM))
                return false;
            children.Add(result.OrThrow("fork"));
            close(descriptor);   // the child has its own descriptor of the same connection
            return true;
        }

        while (!accepting.IsStopping)
        {
            if (accepting.Wait())
                children.Reap();
            accepting.Accept(Fork);
        }

        service.Stopping();
        service.Counters.Increment(Counter.Stopping);
        accepting.AcceptTheLast(Fork);
        ChildDrain.Run(service, children, connections: () => children.Count);
    }
}
