using System.Diagnostics.CodeAnalysis;
using Multiplex.Engine;
using Multiplex.Forking;
using Multiplex.Interop;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Models;

/// <summary>
/// A process for each connection: the parent accepts and forks, the child serves that one connection to its end and
/// leaves. A child that crashes or hangs takes no other connection with it; making one costs far more than a call. With <see cref="ServerOptions.SpareChildren"/> a few are made ahead, and wait for
/// their connection: no client then waits for a fork.
/// </summary>
public sealed class ForkModel : IServerModel
{
    /// <inheritdoc/>
    public void Run(Service service)
    {
        int spares = Math.Min(service.Options.SpareChildren, service.Options.MaxChildren);
        if (spares > 0)
            PreforkModel.Run(service, most: service.Options.MaxChildren, ahead: spares, once: true);
        else
            RunWithoutSpares(service);
    }

    private static void RunWithoutSpares(Service service)
    {
        ForkRuntime.Require(service.Protocol);
        using HeldMemory memory = HeldMemory.OfProcesses(service, service.Options.MaxChildren);
        using Children children = new(service.Counters, ended: (pid, _) =>
        {
            memory.Forget(pid);
            service.Addresses?.Forget(pid);
            service.Counters.Increment(Counter.Closed);
        });
        using AcceptLoop accepting = new(service, hasRoom: () => children.Count < service.Options.MaxChildren, other: children.Descriptor)
        {
            OtherIsReadable = children.Reap,
        };
        using ConnectionChild child = new(service, children, memory);

        bool Fork(int descriptor, PeerAddress peer)
        {
            SyscallResult result = child.Fork();
            if (result.Value == 0)
                child.Run(descriptor, peer);

            // EAGAIN: the limit on processes is reached, fork(2). The client sees its connection closed.
            if (result.Is(EAGAIN) || result.Is(ENOMEM))
                return false;
            children.Add(result.OrThrow("fork"));
            close(descriptor);   // the child has its own descriptor of the same connection
            return true;
        }

        accepting.Run(admit: Fork);
        ChildDrain.Run(service, children, connections: () => children.Count);
    }

    /// <summary>The process of a connection: serves it to its end, and leaves.</summary>
    private sealed class ConnectionChild(Service service, Children children, HeldMemory memory)
        : ForkedChild(
            service,
            memory,
            closed: static () => { },   // the parent counts
            [.. service.Listeners.Select(listener => listener.Descriptor), service.Stop.Descriptor, children.Descriptor])
    {
        private int _descriptor;
        private PeerAddress _peer;

        protected override string Name => "child";

        /// <summary>The whole life of a child.</summary>
        [DoesNotReturn]
        public void Run(int descriptor, PeerAddress peer)
        {
            (_descriptor, _peer) = (descriptor, peer);
            Live();
        }

        protected override void Work()
        {
            long allocated = GC.GetAllocatedBytesForCurrentThread();
            Connection.Begin(_descriptor, _peer);
            while (Connection.IsOpen)
            {
                Connection.Receive();
                Connection.Send();
            }

            Connection.End();
            CountAllocated(allocated);
            Connection.AwaitDelivery();
        }
    }
}
