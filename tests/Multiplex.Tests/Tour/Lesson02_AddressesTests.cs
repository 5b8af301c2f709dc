using System.Globalization;
using System.Text;
using Multiplex.Interop;
using Multiplex.Sockets;
using Multiplex.Tests.Support;
using Multiplex.Tour.Lessons;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Tour;

/// <summary>The second lesson, addresses, and what goes beyond it: bind and getsockname.</summary>
public class Lesson02_AddressesTests : DescriptorFixture
{
    [Test]
    public void Bind_to_port_0_lets_the_kernel_choose_and_getsockname_tells()
    {
        byte[] address = LessonRun.Of(Lesson02_Addresses.Lesson, "bind(2) to port 0: the kernel chooses a port").Names().Single();
        Assert.That(PortIn(address), Is.Not.Zero);
        Assert.That(address, Is.EqualTo(Loopback(PortIn(address))), "the interface is the one that was asked for");
    }

    [Test]
    public void A_socket_that_never_was_bound_has_no_port_until_it_needs_one()
    {
        byte[][] names = LessonRun.Of(Lesson02_Addresses.Lesson, "Without bind(2), connect(2) chooses a port").Names();
        Assert.That(PortIn(names[1]), Is.Zero);
        Assert.That(PortIn(names[2]), Is.Not.Zero, "the kernel chose");
    }

    [Test]
    public void INADDR_ANY_is_every_interface_and_a_listener_at_one_is_not_at_the_others()
    {
        LessonRun step = LessonRun.Of(Lesson02_Addresses.Lesson, "INADDR_ANY is every interface");
        ushort port = PortIn(step.Names()[0]);
        Assert.That(step.Names()[0], Is.EqualTo(Internet(INADDR_ANY, port)));
        Assert.That(step.Names()[1..3], Is.EqualTo(new[] { Internet(INADDR_LOOPBACK, port), Internet(INADDR_LOOPBACK + 1, port) }));
        Assert.That(step.Errors, Is.EqualTo(new[] { ("connect", ECONNREFUSED) }));
    }

    [Test]
    public void An_address_that_is_taken_or_of_another_machine_and_a_second_address_cannot_be_had()
    {
        LessonRun step = LessonRun.Of(Lesson02_Addresses.Lesson, "Addresses that cannot be had");
        Assert.That(step.Errors, Is.EqualTo(new[] { ("bind", EADDRINUSE), ("bind", EADDRNOTAVAIL), ("bind", EINVAL) }));
        Assert.That(step.Results("bind")[0], Is.Zero);
    }

    [Test]
    public void A_path_outlives_its_socket_and_is_in_the_way_of_the_next()
    {
        LessonRun step = LessonRun.Of(Lesson02_Addresses.Lesson, "A UNIX-domain address is a path");
        Assert.That(step.Errors, Is.EqualTo(new[] { ("connect", ECONNREFUSED), ("bind", EADDRINUSE) }));
        Assert.That(step.Results("bind"), Is.EqualTo(new[] { 0, -EADDRINUSE, 0 }), "once it was removed, it can be bound");
    }

    [Test]
    public void An_abstract_name_is_no_file_and_ends_with_its_socket()
    {
        LessonRun step = LessonRun.Of(Lesson02_Addresses.Lesson, "An abstract name is no file");
        Assert.That(step.Results("bind"), Is.EqualTo(new[] { 0, -EADDRINUSE, 0 }));
    }

    [Test]
    public void TCP_and_UDP_have_ports_of_their_own()
    {
        // Another program may use that UDP port: then another one is tried.
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
    public void A_port_below_1024_needs_a_privilege()
    {
        string text = File.ReadAllText("/proc/sys/net/ipv4/ip_unprivileged_port_start");
        int start = int.Parse(text, CultureInfo.InvariantCulture);   // 1024, unless it was set
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
        Assert.That(connect(UnixSocket(), address).Errno, Is.EqualTo(ECONNREFUSED), "and no socket listens");
        unlink(directory["s"]).OrThrow("unlink");
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
