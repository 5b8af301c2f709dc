using System.Globalization;
using System.Text;
using Multiplex.Interop;
using Multiplex.Sockets;
using Multiplex.Tests.Support;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Interop.Tour;

/// <summary>The tour of socket calls, second step: bind gives a socket its address, getsockname tells it.</summary>
public class Step02_Addresses : DescriptorFixture
{
    [Test]
    public void Bind_to_port_0_lets_the_kernel_choose_and_getsockname_tells()
    {
        int fd = TcpSocket();
        bind(fd, Loopback(port: 0)).OrThrow("bind");
        byte[] address = NameOf(fd);
        Assert.That(PortIn(address), Is.Not.Zero);
        Assert.That(address, Is.EqualTo(Loopback(PortIn(address))), "the interface is the one that was asked for");
    }

    [Test]
    public void A_socket_that_never_was_bound_has_no_port_until_it_needs_one()
    {
        int fd = TcpSocket();
        Assert.That(PortIn(NameOf(fd)), Is.Zero);
        connect(fd, NameOf(TcpListener())).OrThrow("connect");
        Assert.That(PortIn(NameOf(fd)), Is.Not.Zero, "the kernel chose");
    }

    [Test]
    public void INADDR_ANY_is_every_interface()
    {
        int listener = TcpSocket();
        bind(listener, Internet(INADDR_ANY, 0)).OrThrow("bind");
        listen(listener, 16).OrThrow("listen");
        ushort port = PortIn(NameOf(listener));

        // All of 127.0.0.0/8 is this machine; each connection has the address that its client called.
        foreach (uint called in (uint[])[INADDR_LOOPBACK, INADDR_LOOPBACK + 1])
        {
            connect(TcpSocket(), Internet(called, port)).OrThrow("connect");
            int server = Own(accept4(listener, new byte[128], out _, SOCK_CLOEXEC));
            Assert.That(NameOf(server), Is.EqualTo(Internet(called, port)));
        }
    }

    [Test]
    public void Whoever_is_bound_to_one_interface_is_not_at_the_others()
    {
        int listener = TcpListener();
        byte[] other = Internet(INADDR_LOOPBACK + 1, PortIn(NameOf(listener)));
        Assert.That(connect(TcpSocket(), other).Errno, Is.EqualTo(ECONNREFUSED));
    }

    [Test]
    public void Bind_to_an_address_that_another_socket_has_fails_with_EADDRINUSE()
    {
        int first = TcpSocket(), second = TcpSocket();
        bind(first, Loopback(0)).OrThrow("bind");
        Assert.That(bind(second, NameOf(first)).Errno, Is.EqualTo(EADDRINUSE));
    }

    [Test]
    public void TCP_and_UDP_have_ports_of_their_own()
    {
        // Somebody else may have that port of UDP: then with another one.
        Eventually.Holds(
            () =>
            {
                int tcp = TcpSocket();
                bind(tcp, Loopback(0)).OrThrow("bind");
                return !bind(UdpSocket(), NameOf(tcp)).IsError;
            },
            "both have one number");
    }

    [Test]
    public void Bind_to_an_address_of_another_machine_fails_with_EADDRNOTAVAIL() =>
        Assert.That(bind(TcpSocket(), Internet(0xC0000201, 0)).Errno, Is.EqualTo(EADDRNOTAVAIL));   // 192.0.2.1, RFC 5737: nobody's

    [Test]
    public void A_port_below_1024_needs_a_privilege()
    {
        string text = File.ReadAllText("/proc/sys/net/ipv4/ip_unprivileged_port_start");
        int start = int.Parse(text, CultureInfo.InvariantCulture);   // 1024, unless somebody has set it
        if (start == 0)
            Assert.Ignore("net.ipv4.ip_unprivileged_port_start is 0: no port needs the privilege here");
        int fd = TcpSocket();
        Background<SyscallResult> thread = Background.Run(() =>
        {
            Capabilities.DropAll();   // those of this thread, which ends here
            return bind(fd, Loopback((ushort)(start - 1)));
        });
        Assert.That(thread.Result().Errno, Is.EqualTo(EACCES));
    }

    [Test]
    public void A_socket_has_only_one_address()
    {
        int fd = TcpSocket();
        bind(fd, Loopback(0)).OrThrow("bind");
        Assert.That(bind(fd, Loopback(0)).Errno, Is.EqualTo(EINVAL));
    }

    [Test]
    public void An_address_of_another_family_does_not_fit()
    {
        Assert.That(bind(TcpSocket(), AddressText.OfPath("@any")).Errno, Is.EqualTo(EAFNOSUPPORT).Or.EqualTo(EINVAL));
        Assert.That(bind(UnixSocket(), Loopback(0)).Errno, Is.EqualTo(EINVAL));
    }

    [Test]
    public void A_UNIX_domain_address_is_a_path_that_bind_makes_and_that_outlives_the_socket()
    {
        using TemporaryDirectory directory = new();
        byte[] address = AddressText.OfPath(directory["s"]);
        int first = UnixSocket();
        bind(first, address).OrThrow("bind");
        listen(first, 1).OrThrow("listen");
        Assert.That(NameOf(first), Is.EqualTo(address));
        CloseNow(first);
        Assert.That(File.Exists(directory["s"]), Is.True);
        Assert.That(bind(UnixSocket(), address).Errno, Is.EqualTo(EADDRINUSE), "the stale name is in the way");
        Assert.That(connect(UnixSocket(), address).Errno, Is.EqualTo(ECONNREFUSED), "and nobody is behind it");
        unlink(directory["s"]).OrThrow("unlink");
        bind(UnixSocket(), address).OrThrow("bind");
    }

    [Test]
    public void An_abstract_name_is_no_file_and_ends_with_its_socket()
    {
        byte[] address = AddressText.OfPath($"@multiplex-tour-{Environment.ProcessId}");
        int first = UnixSocket();
        bind(first, address).OrThrow("bind");
        Assert.That(bind(UnixSocket(), address).Errno, Is.EqualTo(EADDRINUSE));
        CloseNow(first);
        bind(UnixSocket(), address).OrThrow("bind");
    }

    [Test]
    public void Bind_to_a_family_alone_lets_the_kernel_choose_an_abstract_name()
    {
        int fd = UnixSocket(SOCK_DGRAM);
        bind(fd, UnixFamilyAlone).OrThrow("bind");
        Assert.That(Encoding.ASCII.GetString(NameOf(fd)[2..]), Does.Match("^\0[0-9a-f]{5}$"));
    }
}
