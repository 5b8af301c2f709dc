using Multiplex.Interop;
using Multiplex.Sockets;
using Multiplex.Tests.Support;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Sockets;

/// <summary>A race that ends without a winner returns an errno, and no descriptor.</summary>
public class ConnectionRaceTests : DescriptorFixture
{
    [Test]
    public void One_that_is_given_up_before_an_address_has_answered_has_no_winner()
    {
        Endpoint server = WithFullQueue();
        ConnectionRace race = new(server, AddressLookup.Find(server, passive: false), timeout: null);
        Assert.That(race.Step(), Is.False, "the address has not answered");
        Assert.That(race.End(out int index), Is.EqualTo(SyscallResult.Failed(EADDRNOTAVAIL)));
        Assert.That(index, Is.EqualTo(-1));
    }

    [Test]
    public void One_without_addresses_has_no_winner()
    {
        ConnectionRace race = new(Endpoint.Parse("tcp://127.0.0.1:1"), [], timeout: null);
        Assert.That(race.Run(out int index), Is.EqualTo(SyscallResult.Failed(EADDRNOTAVAIL)));
        Assert.That(index, Is.EqualTo(-1));
    }

    // connect(2) to a UNIX-domain server whose queue is full fails with EAGAIN: unix(7).
    private Endpoint WithFullQueue()
    {
        Endpoint server = Endpoint.Parse($"unix:@{Guid.NewGuid():N}");
        byte[] address = AddressLookup.Find(server, passive: true)[0];
        int listener = Own(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        bind(listener, address).OrThrow("bind");
        listen(listener, 0).OrThrow("listen");
        connect(Own(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)), address).OrThrow("connect");
        return server;
    }
}
