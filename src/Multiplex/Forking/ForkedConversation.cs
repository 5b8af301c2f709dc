using System.Diagnostics.CodeAnalysis;
using Multiplex.Engine;
using Multiplex.Sockets;
using Multiplex.Transports;

namespace Multiplex.Forking;

/// <summary>A child that was forked for one connection: serves it to its end.</summary>
internal sealed class ForkedConversation(Service service, Children children, HeldMemory memory)
    : ForkedChild(service, memory, [.. service.Listeners.Select(listener => listener.Descriptor), service.Stop.Descriptor, children.Descriptor])
{
    private readonly LeavingConnections _leaving = new(service.Options, service.Counters, closed: static () => { });   // the parent counts
    private int _descriptor;
    private PeerAddress _peer;

    /// <inheritdoc/>
    protected override string Name => "child";

    /// <summary>The whole life of a child. Never returns.</summary>
    [DoesNotReturn]
    public void RunInChild(int descriptor, PeerAddress peer)
    {
        (_descriptor, _peer) = (descriptor, peer);
        Live();
    }

    /// <inheritdoc/>
    protected override void Work()
    {
        if (!Serve(Conversation, Service.Counters, _descriptor, _peer))
            return;
        _leaving.Add(_descriptor, _peer.Peer.Kind);
        _leaving.AwaitAll();
    }
}
