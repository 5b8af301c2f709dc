using Multiplex.Sockets;
using Multiplex.Tests.Support;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Rpc.Client;

/// <summary>A client's socket while a connection is made anew.</summary>
public class ClientSocketTests : DescriptorFixture
{
    [Test]
    public void A_call_has_an_attempt_to_connect_that_is_old_begun_anew_at_the_next_address()
    {
        byte[] first = SwallowingAddress(), second = SwallowingAddress();
        ClientSocket socket = new(Endpoint.Parse("tcp://localhost:0"), [first, second], new() { ConnectTimeout = 100 * Eventually.Deadline });
        Assert.That(socket.Reconnect()?.Errno, Is.EqualTo(EINPROGRESS));
        Eventually.Holds(
            () =>
            {
                socket.Hurry(isFirst: true);
                return socket.Due(isNeeded: true) == 0;
            },
            "the attempt becomes old");
        socket.DropStaleAttempt(isOver: true);
        Assert.That(socket.State, Is.EqualTo(ClientSocketState.Connecting), "one that has succeeded or failed is left to its outcome");
        socket.Hurry(isFirst: false);
        socket.DropStaleAttempt(isOver: false);
        Assert.That((socket.State, socket.Address), Is.EqualTo((ClientSocketState.Disconnected, second)));
        Assert.That(socket.Reconnect()?.Errno, Is.EqualTo(EINPROGRESS));
        socket.CloseDescriptor();
    }
}
