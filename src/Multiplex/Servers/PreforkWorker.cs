using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Servers;

/// <summary>A worker that was forked ahead: takes a connection or a datagram, serves it to the end, takes the next.</summary>
internal sealed class PreforkWorker(Service service, SharedSockets sockets, WorkerSeats seats, Children children, HeldMemory memory)
    : ForkedChild(service, memory, service.Stop.Descriptor, children.Descriptor)
{
    private int _seat;

    /// <inheritdoc/>
    protected override string Name => "worker";

    /// <summary>The whole life of a worker. Never returns.</summary>
    [DoesNotReturn]
    public void RunInChild(int seat)
    {
        _seat = seat;
        Live();
    }

    /// <inheritdoc/>
    public override void Rehearse()
    {
        base.Rehearse();
        RuntimeHelpers.PrepareMethod(((Action<int>)RunInChild).Method.MethodHandle);
        RuntimeHelpers.PrepareMethod(((Action)Work).Method.MethodHandle);
        RehearseTaking();
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.NoInlining)]
    protected override void Work() => Work(sockets, Conversation, Service.Counters, _seat, ChildProcess.IsToldToLeave);

    // A worker's whole loop on sockets that nobody knows, as many as are waited for in the same way: for datagrams that ask for
    // everything, and a client that leaves at once, in a server that is stopping.
    private void RehearseTaking()
    {
        Listener[] listeners = Unknown(Service.Listeners.Count, EndpointKind.Unix, endpoint => Listener.Open(endpoint, backlog: 1));
        DatagramSocket[] datagrams = Unknown(Service.Datagrams.Count, EndpointKind.UnixGram, endpoint => DatagramSocket.Open(endpoint));
        IReadOnlyList<byte[]> messages = datagrams.Length > 0 ? Service.WarmUp?.Messages ?? [] : [];
        using ServerCounters scratch = new();
        using SharedSockets shared = new(listeners, datagrams, Service.WarmUp?.Protocol ?? Service.Protocol, scratch);
        if (messages.Count > 0)
            Ask(datagrams[^1].Local, messages, serve: () => WorkUntilStopped(shared, scratch));
        if (listeners.Length > 0)
            close(Connector.Connect(listeners[^1].Local));
        WorkUntilStopped(shared, scratch);
        if (scratch[Counter.Accepted] != Math.Min(1, listeners.Length) || scratch[Counter.Closed] != scratch[Counter.Accepted]
            || scratch[Counter.Datagrams] != messages.Count || scratch[Counter.ProtocolErrors] + scratch[Counter.RepliesDropped] > 0)
            throw new InvalidOperationException($"the rehearsal of a worker failed: {scratch.Summary()}");
    }

    // One and several are waited for differently.
    private static T[] Unknown<T>(int count, EndpointKind kind, Func<Endpoint, T> open) =>
        [.. Enumerable.Range(0, Math.Min(2, count)).Select(_ => open(Endpoint.Parse($"{kind.Prefix()}@multiplex-rehearsal-{Guid.NewGuid():N}")))];

    // It is told to stop as soon as it looks, and has come to know it when it has taken what is there.
    private void WorkUntilStopped(SharedSockets shared, ServerCounters scratch)
    {
        BlockingConversation conversation = new(Service.Protocol, Service.Options, scratch);
        Work(shared, conversation, scratch, seat: 0, isToldToLeave: () =>
        {
            shared.SetBlocking(false);
            scratch.Increment(Counter.Stopping);
            return ChildProcess.IsToldToLeave() && false;
        });
    }

    private static void Ask(Endpoint server, IReadOnlyList<byte[]> messages, Action serve)
    {
        int client = Connector.Connect(server);
        try
        {
            foreach (byte[] message in messages)
            {
                send(client, message, MSG_NOSIGNAL).OrThrow("send", "warm-up");
                serve();
                recv(client, new byte[1], MSG_DONTWAIT);   // so that there is room for the next reply
            }
        }
        finally
        {
            close(client);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Work(
        SharedSockets from, BlockingConversation conversation, ServerCounters counters, int seat, Func<bool> isToldToLeave)
    {
        bool stopping = false;
        LeavingConnections leaving = new(Service.Options, counters, closed: () => counters.Increment(Counter.Closed));
        while (true)
        {
            if (!stopping && counters[Counter.Stopping] != 0)
            {
                // Whoever has connected is still served; taking does not wait any more.
                stopping = true;
                from.LastCall();
            }

            if (!stopping && isToldToLeave())
                return;
            if (!(stopping ? from.TryTakeLast(out Arrival arrival) : from.TryTake(out arrival)))
            {
                if (!stopping)
                    continue;
                leaving.AwaitAll();
                return;
            }
            else if (arrival.Port is { } port)
            {
                Answer(port, counters);
            }
            else
            {
                ServeInSeat(conversation, counters, leaving, seat, arrival.Descriptor, arrival.Peer);
            }
        }
    }

    private void ServeInSeat(
        BlockingConversation conversation, ServerCounters counters, LeavingConnections leaving, int seat, int descriptor, PeerAddress peer)
    {
        // In this order: killed between two of these steps, a worker leaves a connection that nobody counts as closed, which
        // the parent sees in the end; never one that is counted twice.
        if (!counters.TryCountAccepted(Service.Options.MaxConnections, out long open))
        {
            counters.Increment(Counter.Refused);   // before the client can see it
            close(descriptor);
            return;
        }

        Volatile.Write(ref seats.IsServing(seat), 1);
        if (open >= Service.Options.Workers)
            counters.Increment(Counter.AcceptPaused);   // the last free worker: who comes now waits in the kernel's queue
        bool isLeaving = Serve(conversation, counters, descriptor, peer);
        LargeArrays.Pool.Trim();
        if (!isLeaving)
            close(descriptor);
        Volatile.Write(ref seats.IsServing(seat), 0);
        if (isLeaving)
            leaving.Add(descriptor, peer.Peer.Kind);
        else
            counters.Increment(Counter.Closed);
    }
}
