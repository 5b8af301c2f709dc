using Multiplex.Interop;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Servers;

/// <summary>
/// A process for each connection: the parent accepts and forks, the child serves that one connection to its end and
/// leaves. A child that crashes or hangs takes nobody with it; making one costs far more than a call.
/// </summary>
public sealed class ForkModel : IServerModel
{
    /// <summary>How often children are told again to stop: the signal may come just before a child begins to wait.</summary>
    private const int TellAgainMilliseconds = 20;

    /// <inheritdoc/>
    public void Run(Service service)
    {
        if (!ForkRuntime.IsPrepared)
            throw new InvalidOperationException("call ForkRuntime.Enter() at the start of a program that forks");
        using Children children = new(service.Counters);
        using AcceptLoop accepting = new(
            service, hasRoom: () => children.Count < service.Options.MaxChildren, other: children.Descriptor);
        ForkedConversation conversation = new(service, children);
        conversation.Rehearse();
        service.Ready();

        bool Fork(int descriptor, PeerAddress peer)
        {
            conversation.AboutToFork();
            SyscallResult result = fork();
            if (result.Value == 0)
                conversation.RunInChild(descriptor, peer);
            close(descriptor);   // the child has its own descriptor of the same connection

            // EAGAIN: the limit on processes is reached, fork(2). The client sees its connection closed.
            if (result.Is(EAGAIN) || result.Is(ENOMEM))
                return false;
            children.Add(result.OrThrow("fork"));
            return true;
        }

        while (!accepting.IsStopping)
        {
            if (accepting.Wait())
                children.Reap();
            accepting.Accept(Fork);
        }

        service.Counters.Increment(Counter.Stopping);
        accepting.AcceptTheLast(Fork);
        Drain(service, children);
    }

    private static void Drain(Service service, Children children)
    {
        long deadline = Environment.TickCount64 + (long)service.Options.DrainTime.TotalMilliseconds;
        while (children.Count > 0)
        {
            bool cut = Environment.TickCount64 > deadline || service.Stop.Requests() > 1;
            if (cut)
                service.Counters.Add(Counter.CutOff, children.Count);
            children.Signal(cut ? SIGKILL : ChildProcess.StopSignal);
            children.AwaitOne(service.Stop.Descriptor, TellAgainMilliseconds);
            children.Reap();
        }
    }
}
