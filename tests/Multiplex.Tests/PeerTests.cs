using Multiplex.Sockets;
using Multiplex.Tests.Support;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests;

/// <summary>How a long procedure finds out that its caller has disconnected.</summary>
public class PeerTests
{
    [Test]
    public void A_peer_that_is_there_has_not_ended()
    {
        using SocketPair pair = new();
        Peer peer = Of(pair.Here);
        Assert.That(peer.HasEnded, Is.False);
        shutdown(pair.There, SHUT_WR).OrThrow("shutdown");
        Assert.That(peer.HasEnded, Is.False, "it still reads");
    }

    [Test]
    public void A_peer_that_has_closed_its_socket_has_ended()
    {
        using SocketPair pair = new();
        pair.CloseThere();
        Assert.That(Of(pair.Here).HasEnded, Is.True);
    }

    [Test]
    public void A_sender_of_datagrams_never_ends() =>
        Assert.That(new Peer(EndpointKind.Udp, []).HasEnded, Is.False);

    private static Peer Of(int descriptor) => PeerAddress.Of(EndpointKind.Unix, [], descriptor).Peer;
}
