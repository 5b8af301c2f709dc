using System.Collections.Concurrent;
using Multiplex.Engine;
using Multiplex.Sockets;
using Multiplex.Transports;

namespace Multiplex.Models;

/// <summary>One thread of a pool, and the connection that it is serving.</summary>
internal sealed class PoolWorker
{
    private readonly BlockingCollection<(int Descriptor, PeerAddress Peer)> _queue;
    private readonly Thread _thread;

    /// <summary>Makes the worker; <see cref="Start"/> sets it to work.</summary>
    public PoolWorker(Service service, BlockingCollection<(int Descriptor, PeerAddress Peer)> queue, HeldMemory.Holder memory)
    {
        _queue = queue;
        Conversation = new(service, memory);
        _thread = new Thread(Work, ConnectionThreads.StackSize) { IsBackground = true, Name = "worker" };
    }

    /// <summary>The conversation that it holds, one after another.</summary>
    public WatchedConversation Conversation { get; }

    /// <summary>Starts to take connections from the queue.</summary>
    public void Start() => _thread.Start();

    /// <summary>Waits at most this long for the worker to end, after the queue has been completed.</summary>
    public bool HasFinished(TimeSpan within) => _thread.Join(within);

    private void Work()
    {
        foreach ((int descriptor, PeerAddress peer) in _queue.GetConsumingEnumerable())
            Conversation.Serve(descriptor, peer);
        Conversation.AwaitDelivery();
    }
}
