using Multiplex.Sockets;
using Multiplex.Sockets.Datagrams;
using Multiplex.Transports;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Transports;

/// <summary>A client of a unixgram socket that reads nothing leaves room in the server's send buffer for the others.</summary>
public class SendBufferSharesTests
{
    private const ulong Greedy = 1, Other = 2;

    [Test]
    public void A_client_that_reads_nothing_gets_no_more_than_it_leaves_free()
    {
        using DatagramSocket server = DatagramSocket.Open(Endpoint.Parse($"unixgram:@multiplex-{Guid.NewGuid():N}"));
        getsockopt(server.Descriptor, SOL_SOCKET, SO_SNDBUF, out int size).OrThrow("getsockopt");
        using SendBufferShares shares = new(server.Descriptor);
        int taken = 0;
        while (taken < 8 && shares.Take(Greedy, size / 8))
            taken++;
        Assert.That(taken, Is.InRange(2, 5), "replies that are not handed to the kernel yet count");
        Assert.That(shares.Take(Other, 100), Is.True);

        // The kernel holds no unread reply: all have been read.
        shares.Flushed();
        Assert.That(shares.Take(Greedy, size / 8), Is.True);
    }
}
