using Multiplex.Tests.Support;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Interop.Tour;

/// <summary>The tour of socket calls, first step: socket, bind, getsockname, listen.</summary>
public class Step1_SocketsAndAddresses : DescriptorFixture
{
    [Test]
    public void Socket_returns_a_descriptor()
    {
        int fd = Own(socket(AF_INET, SOCK_STREAM, 0));
        getsockopt(fd, SOL_SOCKET, SO_TYPE, out int type).OrThrow("getsockopt");
        Assert.That(fd, Is.GreaterThan(2), "0, 1 and 2 are standard input, output and error");
        Assert.That(type, Is.EqualTo(SOCK_STREAM));
    }

    [Test]
    public void Socket_of_a_family_that_does_not_exist_fails_with_EAFNOSUPPORT() =>
        Assert.That(socket(999, SOCK_STREAM, 0).Errno, Is.EqualTo(EAFNOSUPPORT));

    [Test]
    public void Socket_of_a_type_and_protocol_that_do_not_fit_fails_with_EPROTONOSUPPORT() =>
        Assert.That(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP).Errno, Is.EqualTo(EPROTONOSUPPORT));

    [Test]
    public void The_protocol_0_is_the_default_for_the_family_and_the_type()
    {
        int byDefault = Own(socket(AF_INET, SOCK_STREAM, 0));
        int byName = Own(socket(AF_INET, SOCK_STREAM, IPPROTO_TCP));
        getsockopt(byDefault, SOL_SOCKET, SO_PROTOCOL, out int chosen).OrThrow("getsockopt");
        getsockopt(byName, SOL_SOCKET, SO_PROTOCOL, out int named).OrThrow("getsockopt");
        Assert.That(chosen, Is.EqualTo(IPPROTO_TCP).And.EqualTo(named));
    }

    [Test]
    public void Flags_in_the_type_make_a_socket_non_blocking_and_close_it_at_execve()
    {
        int fd = Own(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        Assert.That(fcntl(fd, F_GETFL).OrThrow("fcntl") & O_NONBLOCK, Is.EqualTo(O_NONBLOCK));
        Assert.That(fcntl(fd, F_GETFD).OrThrow("fcntl"), Is.EqualTo(FD_CLOEXEC));
    }

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
    public void Bind_to_an_address_that_another_socket_has_fails_with_EADDRINUSE()
    {
        int first = TcpSocket(), second = TcpSocket();
        bind(first, Loopback(0)).OrThrow("bind");
        Assert.That(bind(second, NameOf(first)).Errno, Is.EqualTo(EADDRINUSE));
    }

    [Test]
    public void Bind_to_an_address_of_another_machine_fails_with_EADDRNOTAVAIL()
    {
        byte[] elsewhere = Loopback(0);
        new byte[] { 192, 0, 2, 1 }.CopyTo(elsewhere, 4);   // TEST-NET-1, RFC 5737: nobody's
        Assert.That(bind(TcpSocket(), elsewhere).Errno, Is.EqualTo(EADDRNOTAVAIL));
    }

    [Test]
    public void A_socket_has_only_one_address()
    {
        int fd = TcpSocket();
        bind(fd, Loopback(0)).OrThrow("bind");
        Assert.That(bind(fd, Loopback(0)).Errno, Is.EqualTo(EINVAL));
    }

    [Test]
    public void Listen_makes_a_socket_passive()
    {
        int fd = TcpSocket();
        bind(fd, Loopback(0)).OrThrow("bind");
        getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, out int before).OrThrow("getsockopt");
        listen(fd, 1).OrThrow("listen");
        getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, out int after).OrThrow("getsockopt");
        Assert.That((before, after), Is.EqualTo((0, 1)));
    }

    [Test]
    public void Listen_without_bind_gets_a_port_from_the_kernel()
    {
        int fd = TcpSocket();
        listen(fd, 1).OrThrow("listen");
        Assert.That(PortIn(NameOf(fd)), Is.Not.Zero);
    }

    [Test]
    public void Datagram_sockets_have_no_connections_to_listen_for()
    {
        int fd = Own(socket(AF_INET, SOCK_DGRAM, 0));
        bind(fd, Loopback(0)).OrThrow("bind");
        Assert.That(listen(fd, 1).Errno, Is.EqualTo(EOPNOTSUPP));
    }

    [Test]
    public void What_is_no_socket_cannot_do_what_sockets_do()
    {
        int file = Own(open("/dev/null", O_RDWR));
        Assert.That(listen(file, 1).Errno, Is.EqualTo(ENOTSOCK));
        Assert.That(bind(-1, Loopback(0)).Errno, Is.EqualTo(EBADF));
    }
}
